package load

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// resyncer keeps a mailbox by its UIDs over many connections, as an offline client does (RFC 7162).
type resyncer struct {
	imapClient
	place    history.Place
	validity uint32
	modseq   uint64 // up to here it knows everything
	messages map[uint32]history.Flags
	last     uint32 // the greatest UID
}

func (r *Run) resyncer(a, i int, account Account) {
	if len(r.targets.IMAP) == 0 {
		return
	}
	c := &resyncer{imapClient: r.imapClient("qresync", a, i, account), place: history.Inbox + history.Place((a+i)%2), messages: map[uint32]history.Flags{}}
	r.follow = append(r.follow, c)
	r.launch(&c.client, c.work)
}

func (c *resyncer) work(ctx context.Context) {
	for c.goesOn() {
		if c.begin(ctx) == nil {
			c.remain(ctx)
		} else {
			sleep(ctx, backoffMost/5)
		}
		c.depart()
	}
}

// depart ends the session: well, or as a client does that loses its network.
func (c *resyncer) depart() {
	if c.conn == nil {
		return
	}
	if c.rand.IntN(2) == 0 {
		c.conn.Close()
		c.conn = nil
	}
	c.quit()
	c.leave()
}

// begin connects and learns what has changed.
func (c *resyncer) begin(ctx context.Context) error {
	if err := c.connect(ctx, c.open); err != nil {
		return err
	}
	err := c.conn.Do("ENABLE QRESYNC", nil)
	if err == nil {
		err = c.sync()
	}
	if err != nil {
		c.failed("SELECT", err)
		c.quit()
		return err
	}
	c.acknowledged()
	return nil
}

// sync is SELECT with what is known; without anything, all is read.
func (c *resyncer) sync() error {
	next, highest := c.place.UIDNext(), c.place.HighestModSeq()
	floors := []uint64{c.run.recorder.Floor(c.account.Address, next), c.run.recorder.Floor(c.account.Address, highest)}
	command := "SELECT " + c.place.String()
	if c.validity != 0 {
		command += fmt.Sprintf(" (QRESYNC (%d %d))", c.validity, c.modseq)
	}
	var validity, uidNext, modseq uint64
	err := c.conn.Do(command, func(r imap.Response) error {
		for name, to := range map[string]*uint64{"UIDVALIDITY": &validity, "UIDNEXT": &uidNext, "HIGHESTMODSEQ": &modseq} {
			if value, ok := r.Code(name); ok && r.Is("OK") {
				*to, _ = strconv.ParseUint(string(value), 10, 64)
			}
		}
		return c.apply(r)
	})
	if err != nil {
		return err
	}
	c.run.recorder.Grown(c.name, c.account.Address, next, floors[0], uidNext)
	c.run.recorder.Grown(c.name, c.account.Address, highest, floors[1], modseq)
	if known := c.validity; uint64(known) != validity {
		c.validity, c.last = uint32(validity), 0
		clear(c.messages)
		if known != 0 {
			c.run.recorder.Grown(c.name, c.account.Address, "UIDVALIDITY of "+c.place.String(), uint64(known)+1<<40, validity) // it never changes here
		}
		if err := c.fetch(); err != nil {
			return err
		}
	}
	c.modseq = modseq
	return nil
}

// fetch reads what came after the greatest UID.
func (c *resyncer) fetch() error {
	return c.conn.Do(fmt.Sprintf("UID FETCH %d:* (FLAGS)", c.last+1), c.apply)
}

// remain hears of changes for a while.
func (c *resyncer) remain(ctx context.Context) {
	end := c.run.recorder.Now() + c.run.plan.Stay/2 + time.Duration(c.rand.Int64N(int64(c.run.plan.Stay)))
	for c.goesOn() && c.run.recorder.Now() < end {
		exists := c.conn.Exists
		err := c.conn.Do("NOOP", c.apply)
		if err == nil && c.conn.Exists > exists {
			err = c.fetch()
		}
		if err != nil {
			c.failed("NOOP", err)
			return
		}
		c.acknowledged()
		sleep(ctx, c.run.plan.Stay/8)
	}
}

// apply does what a response says.
func (c *resyncer) apply(r imap.Response) error {
	switch {
	case r.Is("FETCH"):
		l, err := readLine(r)
		if err == nil && l.uid != 0 && l.hasFlag {
			c.messages[l.uid] = l.flags
			c.last = max(c.last, l.uid)
		}
		return err
	case r.Is("VANISHED"):
		return c.vanished(string(bytes.TrimPrefix(r.Rest, []byte("(EARLIER) "))))
	}
	return nil
}

// vanished reads a set of UIDs, which may name many that never were.
func (c *resyncer) vanished(set string) error {
	for part := range strings.SplitSeq(set, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		from, err := imap.Number([]byte(low))
		if err != nil {
			return err
		}
		to, err := imap.Number([]byte(high))
		if err != nil {
			return err
		}
		if from > to {
			from, to = to, from
		}
		for uid := range c.messages {
			if uid >= from && uid <= to {
				delete(c.messages, uid)
			}
		}
	}
	return nil
}

// catchUp comes back once more.
func (c *resyncer) catchUp(ctx context.Context) {
	defer c.quit()
	replica := history.Replica{Client: c.name, Account: c.account.Address, Mailbox: c.place.String()}
	if err := again(ctx, c.begin); err != nil {
		replica.Failed = err.Error()
	}
	replica.UIDValidity, replica.Messages = c.validity, c.messages
	c.run.recorder.Replica(replica)
}
