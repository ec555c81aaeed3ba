package sasl

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
)

// MaxKeys is how many keys one exchange checks a proof against.
const MaxKeys = 256

// ErrProof is the error of an exchange whose client does not know the password, or sits behind somebody who relays it.
var ErrProof = errors.New("the proof does not fit")

// Challenge is what SCRAM needs to know about a user. For a user who does not exist it holds a salt that stays the same
// for that name and no keys: then nothing tells him from one who does (RFC 5802 9).
type Challenge struct {
	Salt       []byte
	Iterations int
	// Keys are the passwords that would do, all made with this salt and these iterations: the client hashes with one
	// salt before anybody can know which of a user's app passwords it holds.
	Keys []Key
	// Accept decides after the client proved to know the password of Keys[i]. It is not called when no key fits.
	Accept func(i int) error
}

// SCRAM describes the server of an exchange.
type SCRAM struct {
	// Lookup finds the user. Its error ends the exchange; an unknown user is no error, see Challenge.
	Lookup func(authzid, user string) (Challenge, error)
	// Plus says that the client chose SCRAM-SHA-256-PLUS.
	Plus bool
	// Bindings are those of the connection, announced by offering -PLUS; none without TLS.
	Bindings []Binding
	// Nonce draws the server's part of the nonce. nil: a random one. Tests set it.
	Nonce func() string
}

type scram struct {
	SCRAM
	state       int
	first       clientFirst
	nonce       string // both parts
	serverFirst string
	binding     []byte // that the client must repeat: GS2 header and binding data
	challenge   Challenge
}

const (
	scramFirst = iota
	scramFinal
	scramSigned // the server's signature went out, an empty response comes back
	scramEnded
)

// NewSCRAM begins an exchange of SCRAM-SHA-256 or, with s.Plus, SCRAM-SHA-256-PLUS.
func NewSCRAM(s SCRAM) Mechanism {
	if s.Nonce == nil {
		s.Nonce = rand.Text
	}
	return &scram{SCRAM: s}
}

func (m *scram) Next(response []byte) (challenge []byte, done bool, err error) {
	state := m.state
	if state == scramFirst && response == nil {
		return nil, false, nil // RFC 5802 5: the client speaks first
	}
	m.state = scramEnded // whatever goes wrong now ends the exchange
	if err := checkResponse(response); err != nil {
		return nil, false, err
	}
	switch state {
	case scramFirst:
		challenge, err = m.answerFirst(string(response))
	case scramFinal:
		challenge, err = m.answerFinal(string(response))
	case scramSigned:
		if len(response) != 0 {
			return nil, false, malformed("the answer to the server's signature is an empty response")
		}
		return nil, true, nil
	default:
		return nil, false, errEnded
	}
	if err == nil {
		m.state = state + 1
	}
	return challenge, false, err
}

func (m *scram) answerFirst(message string) ([]byte, error) {
	first, err := parseClientFirst(message)
	if err != nil {
		return nil, err
	}
	binding, err := m.bind(first)
	if err != nil {
		return nil, err
	}
	c, err := m.Lookup(first.authzid, first.user)
	if err != nil {
		return nil, err
	}
	if len(c.Keys) > MaxKeys {
		return nil, fmt.Errorf("sasl: a user has %d SCRAM keys, the limit is %d", len(c.Keys), MaxKeys)
	}
	m.first, m.challenge, m.nonce = first, c, first.nonce+m.Nonce()
	m.binding = append([]byte(first.gs2), binding...)
	m.serverFirst = fmt.Sprintf("r=%s,s=%s,i=%d", m.nonce, base64.StdEncoding.EncodeToString(c.Salt), c.Iterations)
	return []byte(m.serverFirst), nil
}

// bind checks the client's word on channel binding against the mechanism it chose and what was announced (RFC 5802 6).
func (m *scram) bind(first clientFirst) ([]byte, error) {
	switch {
	case first.bindingFlag == 'p' && !m.Plus:
		return nil, malformed("%s has no channel binding: use %s or the flag n", SCRAMSHA256, SCRAMSHA256Plus)
	case first.bindingFlag != 'p' && m.Plus:
		return nil, malformed("%s needs a channel binding (p=)", SCRAMSHA256Plus)
	case first.bindingFlag == 'y' && len(m.Bindings) > 0:
		// The client can bind and believes that we cannot: somebody took -PLUS out of our list on the way.
		return nil, malformed("this server offers %s and the client was told otherwise: the connection may be tampered with", SCRAMSHA256Plus)
	case first.bindingFlag != 'p':
		return nil, nil
	}
	for _, b := range m.Bindings {
		if b.Type == first.bindingType {
			return b.Data, nil
		}
	}
	return nil, malformed("the channel binding %.40q cannot be had on this connection", first.bindingType)
}

func (m *scram) answerFinal(message string) ([]byte, error) {
	final, err := parseClientFinal(message)
	if err != nil {
		return nil, err
	}
	if final.nonce != m.nonce {
		return nil, malformed("the nonce is not the one of this exchange")
	}
	if subtle.ConstantTimeCompare(final.binding, m.binding) == 0 {
		return nil, fmt.Errorf("%w: it is bound to another connection", ErrProof)
	}
	auth := m.first.bare + "," + m.serverFirst + "," + final.withoutProof
	i := m.provenKey(auth, final.proof)
	if i < 0 {
		return nil, ErrProof
	}
	if err := m.challenge.Accept(i); err != nil {
		return nil, err
	}
	server := m.challenge.Keys[i].Server
	return []byte("v=" + base64.StdEncoding.EncodeToString(mac(server[:], auth))), nil
}

// provenKey returns which key the proof was made with, -1 for none (RFC 5802 3).
func (m *scram) provenKey(auth string, proof [sha256.Size]byte) int {
	found := -1
	for i, k := range m.challenge.Keys {
		signature := mac(k.Stored[:], auth)
		var clientKey [sha256.Size]byte
		subtle.XORBytes(clientKey[:], proof[:], signature)
		stored := sha256.Sum256(clientKey[:])
		if subtle.ConstantTimeCompare(stored[:], k.Stored[:]) == 1 {
			found = i
		}
	}
	return found
}
