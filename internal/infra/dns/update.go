package dns

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	wire "github.com/miekg/dns"
)

// Updater changes texts in the zones of one server by dynamic update (RFC 2136), each change signed (TSIG, RFC 8945, with
// HMAC-SHA-256). It finds out by itself which zone a name lies in.
type Updater struct {
	Server  string // host:port of the zones' primary server
	KeyName string
	Secret  []byte
	Timeout time.Duration // for all of one change; 0: 20 s

	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// AddTXT adds a text to those of a name.
func (u *Updater) AddTXT(ctx context.Context, name, text string, ttl time.Duration) error {
	return u.change(ctx, name, text, func(m *wire.Msg, rr *wire.TXT) {
		rr.Hdr.Ttl = uint32(ttl / time.Second)
		m.Insert([]wire.RR{rr})
	})
}

// RemoveTXT removes one text of a name. That it is not there is no error.
func (u *Updater) RemoveTXT(ctx context.Context, name, text string) error {
	return u.change(ctx, name, text, func(m *wire.Msg, rr *wire.TXT) { m.Remove([]wire.RR{rr}) })
}

func (u *Updater) change(ctx context.Context, name, text string, with func(*wire.Msg, *wire.TXT)) error {
	timeout := u.Timeout
	if timeout == 0 {
		timeout = 20 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errors.New("no answer in time"))
	defer cancel()
	name = strings.ToLower(bare(name))
	if err := checkName(name); err != nil {
		return fmt.Errorf("DNS update of %.255s: %w", name, err)
	}
	if len(text) > 255 || strings.ContainsAny(text, `"\`) { // what one string of a TXT record holds as it is
		return fmt.Errorf("DNS update of %s: a text has at most 255 bytes, without quotes and backslashes", name)
	}
	zone, err := u.zoneOf(ctx, name)
	if err != nil {
		return fmt.Errorf("DNS update of %s at %s: %w", name, u.Server, err)
	}
	m := new(wire.Msg).SetUpdate(zone)
	with(m, &wire.TXT{Hdr: wire.RR_Header{Name: wire.Fqdn(name), Rrtype: wire.TypeTXT, Class: wire.ClassINET}, Txt: []string{text}})
	m.SetTsig(wire.CanonicalName(u.KeyName), wire.HmacSHA256, 300, time.Now().Unix())
	reply, err := u.exchange(ctx, m)
	if err == nil && reply.Rcode != wire.RcodeSuccess {
		err = refusal(reply)
	}
	if err != nil {
		return fmt.Errorf("DNS update of %s in the zone %s at %s: %w", name, zone, u.Server, err)
	}
	return nil
}

// zoneOf asks the server for the SOA record of a name: whether it has one or not, the answer names the zone (RFC 2308 3).
func (u *Updater) zoneOf(ctx context.Context, name string) (string, error) {
	reply, err := u.exchange(ctx, new(wire.Msg).SetQuestion(wire.Fqdn(name), wire.TypeSOA))
	if err != nil {
		return "", err
	}
	for _, rr := range append(reply.Answer, reply.Ns...) {
		if soa, ok := rr.(*wire.SOA); ok && reply.Authoritative && wire.IsSubDomain(soa.Hdr.Name, wire.Fqdn(name)) {
			return soa.Hdr.Name, nil
		}
	}
	return "", fmt.Errorf("it has no zone that the name lies in (%w)", refusal(reply))
}

// exchange asks over TCP, where nobody can answer in the server's place without being on the way.
func (u *Updater) exchange(ctx context.Context, m *wire.Msg) (*wire.Msg, error) {
	dial := u.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", u.Server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	signed := &wire.Conn{Conn: conn, TsigSecret: map[string]string{wire.CanonicalName(u.KeyName): base64.StdEncoding.EncodeToString(u.Secret)}}
	if err = signed.WriteMsg(m); err == nil {
		var reply *wire.Msg
		// Whoever refuses may do so unsigned (RFC 8945 5.3.2).
		if reply, err = signed.ReadMsg(); reply != nil && (err == nil || reply.Rcode != wire.RcodeSuccess) {
			return checkReply(m, reply)
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, err
}

func checkReply(m, reply *wire.Msg) (*wire.Msg, error) {
	switch {
	case reply.Id != m.Id || !reply.Response || reply.Opcode != m.Opcode:
		return nil, errors.New("an answer to another question")
	case m.IsTsig() != nil && reply.IsTsig() == nil && reply.Rcode == wire.RcodeSuccess:
		return nil, errors.New("the answer is not signed")
	}
	return reply, nil
}
