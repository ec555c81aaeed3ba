package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	wire "github.com/miekg/dns"
)

// maxUDP is what an answer by UDP may have: no way on the internet breaks up packets that small (DNS flag day 2020, RFC 9715 3.2).
const maxUDP = 1232

// exchange asks the servers in turn until one answers, and says whether that one is trusted.
func (r *Resolver) exchange(ctx context.Context, q question) (*wire.Msg, bool, error) {
	p := r.servers.current()
	query, id, err := pack(q)
	if err != nil {
		return nil, false, err
	}
	var failed error
	doubted := false // a trusted server could not answer: perhaps the answers are forged, and others would not notice
	for range p.attempts {
		for _, s := range p.servers {
			if doubted && !s.trusted {
				continue
			}
			reply, err := r.exchangeWith(ctx, s, p.timeout, query, id, q)
			if ctx.Err() != nil {
				return nil, false, ctx.Err()
			}
			r.servers.heard(s, err == nil)
			if err == nil {
				if reply.Rcode == wire.RcodeSuccess || reply.Rcode == wire.RcodeNameError {
					return reply, s.trusted, nil
				}
				err = refusal(reply)
				doubted = doubted || s.trusted
			}
			failed = fmt.Errorf("%v: %w", s.addr, err)
		}
		if doubted {
			break // it has tried as hard as it could
		}
	}
	if failed == nil {
		failed = errors.New("there is no server to ask")
	}
	return nil, false, failed
}

// refusal is what a server says instead of an answer, with its reason where it gives one (RFC 8914).
func refusal(reply *wire.Msg) error {
	text := wire.RcodeToString[reply.Rcode]
	if text == "" {
		text = fmt.Sprintf("RCODE %d", reply.Rcode)
	}
	if opt := reply.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if ede, ok := option.(*wire.EDNS0_EDE); ok {
				text += fmt.Sprintf(" (%s%.100q)", wire.ExtendedErrorCodeToString[ede.InfoCode], ede.ExtraText)
			}
		}
	}
	return errors.New(text)
}

// pack writes a query under a random id.
func pack(q question) (query []byte, id uint16, err error) {
	var random [2]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, 0, err
	}
	m := new(wire.Msg)
	m.SetQuestion(wire.Fqdn(q.name), q.kind)
	m.Id = binary.BigEndian.Uint16(random[:])
	m.AuthenticatedData = true // RFC 6840 5.7
	m.SetEdns0(maxUDP, true)
	query, err = m.Pack()
	return query, m.Id, err
}

// exchangeWith asks one server, by UDP and then, when that is cut off, by TCP, for at most timeout each.
func (r *Resolver) exchangeWith(ctx context.Context, s server, timeout time.Duration, query []byte, id uint16, q question) (*wire.Msg, error) {
	reply, err := r.exchangeBy(ctx, "udp", s, timeout, query, func(conn net.Conn) (*wire.Msg, error) {
		return readUDP(conn, id, q)
	})
	if err != nil || !reply.Truncated {
		return reply, err
	}
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...) // RFC 1035 4.2.2
	reply, err = r.exchangeBy(ctx, "tcp", s, timeout, framed, func(conn net.Conn) (*wire.Msg, error) {
		return readTCP(conn, id, q)
	})
	if err == nil && reply.Truncated {
		err = errors.New("an answer by TCP is cut off, too")
	}
	return reply, err
}

func (r *Resolver) exchangeBy(ctx context.Context, network string, s server, timeout time.Duration, query []byte,
	read func(net.Conn) (*wire.Msg, error)) (*wire.Msg, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errors.New("no answer in time"))
	defer cancel()
	conn, err := r.dial(ctx, network, s.addr.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err = conn.Write(query); err == nil {
		var reply *wire.Msg
		if reply, err = read(conn); err == nil {
			return reply, nil
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, err
}

// readUDP waits for the packet that is the answer; others, late or forged, are passed over.
func readUDP(conn net.Conn, id uint16, q question) (*wire.Msg, error) {
	buffer := make([]byte, maxUDP+1)
	for range MaxStray {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		if n > maxUDP || cutOff(buffer[:n], id) {
			// More than was asked for, or marked as cut off: only the fact counts, and TCP has it whole.
			return &wire.Msg{MsgHdr: wire.MsgHdr{Truncated: true}}, nil
		}
		if reply, err := unpack(buffer[:n], id, q); err == nil {
			return reply, nil
		}
	}
	return nil, fmt.Errorf("%d packets came, none of them the answer", MaxStray)
}

// cutOff looks at the header alone: what follows may end anywhere.
func cutOff(packet []byte, id uint16) bool {
	const truncated = 0x02 // RFC 1035 4.1.1: TC, in the third byte
	return len(packet) >= 12 && binary.BigEndian.Uint16(packet) == id && packet[2]&truncated != 0
}

func readTCP(conn net.Conn, id uint16, q question) (*wire.Msg, error) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, packet); err != nil {
		return nil, err
	}
	return unpack(packet, id, q)
}

// unpack reads a packet and checks that it is the answer to the question (RFC 5452 9.1).
func unpack(packet []byte, id uint16, q question) (*wire.Msg, error) {
	if len(packet) < 12 || binary.BigEndian.Uint16(packet) != id {
		return nil, errors.New("a packet with another id")
	}
	if count := binary.BigEndian.Uint16(packet[6:]); count > MaxRecords { // before memory is spent on them
		return nil, fmt.Errorf("the answer has %d records, the limit is %d", count, MaxRecords)
	}
	reply := new(wire.Msg)
	if err := reply.Unpack(packet); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	switch {
	case !reply.Response || reply.Opcode != wire.OpcodeQuery:
		return nil, errors.New("a packet that is no answer")
	case len(reply.Question) == 0 && reply.Rcode != wire.RcodeSuccess && reply.Rcode != wire.RcodeNameError:
		return reply, nil // some refuse without repeating the question
	case len(reply.Question) != 1 || reply.Question[0].Qtype != q.kind || reply.Question[0].Qclass != wire.ClassINET ||
		!strings.EqualFold(bare(reply.Question[0].Name), q.name):
		return nil, errors.New("an answer to another question")
	}
	return reply, nil
}
