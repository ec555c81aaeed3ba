package nats

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"
)

// A ping is a question to all nodes; each answers to the inbox of who asks with its name. They are no messages of the bus's
// users: a process does not ask itself.
const pingSubject = prefix + "ping"

// pings is what a bus knows for answering.
type pings struct{ self string }

// answerPings answers other nodes. The lock is held.
func (b *Bus) answerPings(conn *client.Conn) {
	_, err := conn.Subscribe(pingSubject, func(m *client.Msg) {
		b.mu.Lock()
		self := b.pings.self
		b.mu.Unlock()
		if self != "" && m.Reply != "" && len(m.Data) == 8 {
			conn.Publish(m.Reply, append(m.Data[:8:8], self...))
		}
	})
	if err != nil {
		b.o.Log.Warn("pings of other nodes are not answered", "err", err)
	}
}

// Ping implements cluster.Pinger.
func (b *Bus) Ping(ctx context.Context, want int) (took map[string]time.Duration, err error) {
	conn := b.conn()
	if conn == nil {
		return nil, errors.New("the bus is not started")
	}
	inbox := conn.NewInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	// The subscription travels before the question, on the same route: an answer finds its way.
	took = make(map[string]time.Duration)
	sent := time.Now()
	if err := conn.PublishRequest(pingSubject, inbox, binary.BigEndian.AppendUint64(nil, uint64(sent.UnixNano()))); err != nil {
		return nil, err
	}
	for len(took) < want {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break // who has not answered by now does not
		}
		if len(m.Data) > 8 && len(m.Data) <= 8+maxNodeName {
			took[strings.ToValidUTF8(string(m.Data[8:]), "?")] = time.Since(sent)
		}
	}
	return took, nil
}

const maxNodeName = 255
