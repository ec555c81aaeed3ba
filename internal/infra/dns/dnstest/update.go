package dnstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"

	wire "github.com/miekg/dns"
)

// Key lets whoever has the secret change zones (RFC 2136), signed with HMAC-SHA-256 (RFC 8945).
func (s *Server) Key(name string, secret []byte) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	s.keys.secrets[absolute(name)] = secret
}

// keyring makes and checks signatures for the library.
type keyring struct {
	mu      sync.Mutex
	secrets map[string][]byte // by name
}

func (k *keyring) Generate(msg []byte, t *wire.TSIG) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	secret := k.secrets[absolute(t.Hdr.Name)]
	if secret == nil || absolute(t.Algorithm) != wire.HmacSHA256 {
		return nil, wire.ErrSecret
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(msg)
	return mac.Sum(nil), nil
}

func (k *keyring) Verify(msg []byte, t *wire.TSIG) error {
	want, err := k.Generate(msg, t)
	if err != nil {
		return err
	}
	if got, err := hex.DecodeString(t.MAC); err != nil || !hmac.Equal(got, want) {
		return wire.ErrSig
	}
	return nil
}

// update changes a zone and says what came of it.
func (s *Server) update(query *wire.Msg, status error) *wire.Msg {
	z := s.zones[absolute(query.Question[0].Name)]
	reply := new(wire.Msg).SetReply(query)
	signed := query.IsTsig()
	switch {
	case signed == nil:
		reply.Rcode = wire.RcodeRefused
		return reply
	case status != nil:
		reply.Rcode = wire.RcodeNotAuth // RFC 8945 5.2
		return reply
	case z == nil:
		reply.Rcode = wire.RcodeNotAuth
	case len(query.Answer) > 0:
		reply.Rcode = wire.RcodeNotImplemented // prerequisites
	default:
		for _, rr := range query.Ns {
			z.change(rr)
		}
		z.order()
	}
	reply.SetTsig(signed.Hdr.Name, signed.Algorithm, 300, int64(signed.TimeSigned))
	return reply
}

// change carries out one record of an update (RFC 2136 2.5).
func (z *zone) change(rr wire.RR) {
	header := rr.Header()
	name := absolute(header.Name)
	switch {
	case header.Class == wire.ClassANY && header.Rrtype == wire.TypeANY:
		delete(z.names, name)
	case header.Class == wire.ClassANY:
		delete(z.names[name], header.Rrtype)
	case header.Class == wire.ClassNONE:
		removed := wire.Copy(rr)
		removed.Header().Class = wire.ClassINET
		z.names[name][header.Rrtype] = slices.DeleteFunc(z.names[name][header.Rrtype], func(other wire.RR) bool { return wire.IsDuplicate(removed, other) })
		if len(z.names[name][header.Rrtype]) == 0 {
			delete(z.names[name], header.Rrtype)
		}
	default:
		z.add(rr)
	}
	if len(z.names[name]) == 0 {
		delete(z.names, name)
	}
}
