package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Peer is the other end of a connection that somebody signs in over.
type Peer struct {
	Remote   netip.Addr
	Protocol string // this, Session and TLS are for the log
	Session  string
	TLS      bool
	Bindings []sasl.Binding // of the TLS connection, see sasl.Bindings
}

// Over is the peer on a connection under TLS, of which the server showed it a certificate that may be unknown (nil). Without TLS
// (nil) it is the peer as it was.
func (p Peer) Over(state *tls.ConnectionState, shown *x509.Certificate) Peer {
	if state != nil {
		p.TLS, p.Bindings = true, sasl.Bindings(state, shown)
	}
	return p
}

// Attempt is one try of the peer to sign in with a password.
func (p Peer) Attempt(login, password string) Attempt {
	return Attempt{Login: login, Password: password, Remote: p.Remote, Protocol: p.Protocol, Session: p.Session, TLS: p.TLS}
}

// Exchange is one SASL exchange. A door carries its challenges and responses; see the contract of sasl.Mechanism.
type Exchange struct {
	store     *Store
	ctx       context.Context
	peer      Peer
	mechanism sasl.Mechanism
	known     known     // with SCRAM
	begun     time.Time // when the last response came
	signIn    SignIn
}

// Begin starts an exchange. ctx ends with the connection. Whether a mechanism may be used on this connection (TLS) is the
// door's decision, which it has made before.
func (s *Store) Begin(ctx context.Context, mechanism string, p Peer) (*Exchange, error) {
	x := &Exchange{store: s, ctx: ctx, peer: p}
	switch strings.ToUpper(mechanism) {
	case sasl.Plain:
		x.mechanism = sasl.NewPlain(x.password)
	case sasl.Login:
		x.mechanism = sasl.NewLogin(x.password)
	case sasl.SCRAMSHA256:
		x.mechanism = sasl.NewSCRAM(sasl.SCRAM{Lookup: x.scram, Bindings: p.Bindings})
	case sasl.SCRAMSHA256Plus:
		x.mechanism = sasl.NewSCRAM(sasl.SCRAM{Lookup: x.scram, Bindings: p.Bindings, Plus: true})
	default:
		return nil, mail.E("auth.Begin", mail.Invalid, fmt.Errorf("there is no mechanism %.40q: use %s, %s, %s or %s", mechanism,
			sasl.SCRAMSHA256Plus, sasl.SCRAMSHA256, sasl.Plain, sasl.Login))
	}
	return x, nil
}

// Next is sasl.Mechanism's. Errors are those of Verify, and mail.Invalid for broken syntax.
func (x *Exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	x.begun = x.store.now()
	challenge, done, err = x.mechanism.Next(response)
	if errors.Is(err, sasl.ErrProof) {
		x.store.offers.failed(network(x.peer.Remote))
		err = x.refuse(mail.E("auth.Begin", mail.Denied, err))
	}
	return challenge, done, err
}

func (x *Exchange) refuse(err error) error {
	return x.store.refuse(x.ctx, x.known, x.peer, x.begun, err)
}

// SignIn is who signed in, once Next has said done.
func (x *Exchange) SignIn() SignIn { return x.signIn }

func (x *Exchange) password(authzid, user, password string) error {
	if err := x.sameUser(authzid, user); err != nil {
		return err
	}
	in, err := x.store.Verify(x.ctx, x.peer.Attempt(user, password))
	x.signIn = in
	return err
}

// sameUser refuses to act as somebody else: nobody has that right yet.
func (x *Exchange) sameUser(authzid, user string) error {
	if authzid != "" && !strings.EqualFold(authzid, user) {
		return x.refuse(mail.E("auth.Begin", mail.Denied, errors.New("signing in as one user to act as another is not offered: leave the authorization identity empty")))
	}
	return nil
}

// scram finds the keys of a user's app passwords, and a salt for anybody.
func (x *Exchange) scram(authzid, user string) (sasl.Challenge, error) {
	if err := x.sameUser(authzid, user); err != nil {
		return sasl.Challenge{}, err
	}
	k, err := x.store.know(x.ctx, user)
	x.known = k
	if err != nil {
		return sasl.Challenge{}, err
	}
	c := sasl.Challenge{Iterations: sasl.MinIterations}
	if k.account != 0 {
		c.Salt = x.store.salt("account", binary.BigEndian.AppendUint64(nil, uint64(k.account)))
	} else {
		c.Salt = x.store.salt("name", []byte(strings.ToLower(strings.TrimSpace(user))))
	}
	var ids []int64
	for _, app := range k.apps {
		v, err := sasl.ParseVerifier(app.scram)
		if err != nil || string(v.Salt) != string(c.Salt) || v.Iterations != c.Iterations {
			continue // made under another secret: still good for PLAIN
		}
		c.Keys, ids = append(c.Keys, v.Key), append(ids, app.id)
	}
	c.Accept = func(i int) error {
		x.signIn = k.signIn(user, ids[i])
		if err := x.store.admit(x.ctx, k, x.signIn, x.peer.Remote); err != nil {
			return x.refuse(err)
		}
		return nil
	}
	return c, nil
}

// offers decides when SCRAM is announced.
type offers struct {
	now func() time.Time

	mu       sync.Mutex
	refusals *table[netip.Prefix, time.Time]
	any      bool // somebody has an app password
	asked    time.Time
}

const (
	withholdFor = 24 * time.Hour   // after SCRAM failed in a network
	askEvery    = 10 * time.Second // whether somebody has an app password
)

func newOffers(now func() time.Time) *offers {
	return &offers{now: now, refusals: newTable[netip.Prefix, time.Time](tableSize)}
}

func (o *offers) failed(from netip.Prefix) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refusals.put(from, o.now())
}

// Mechanisms lists what a door should announce to a peer on a connection on which passwords may be sent, the best first.
func (s *Store) Mechanisms(ctx context.Context, p Peer) []string {
	plain := []string{sasl.Plain, sasl.Login}
	switch {
	case !s.offersSCRAM(ctx, network(p.Remote)):
		return plain
	case len(p.Bindings) > 0:
		return append([]string{sasl.SCRAMSHA256Plus, sasl.SCRAMSHA256}, plain...)
	}
	return append([]string{sasl.SCRAMSHA256}, plain...)
}

func (s *Store) offersSCRAM(ctx context.Context, from netip.Prefix) bool {
	o := s.offers
	o.mu.Lock()
	at, failed := o.refusals.get(from)
	failed = failed && o.now().Sub(at) < withholdFor
	ask := !failed && !o.any && (o.asked.IsZero() || o.now().Sub(o.asked) >= askEvery)
	if ask {
		o.asked = o.now()
	}
	o.mu.Unlock()
	if ask {
		found, err := s.anyAppPassword(ctx)
		if err != nil {
			return false // PLAIN will tell the client that the store is away
		}
		o.mu.Lock()
		o.any = found
		o.mu.Unlock()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.any && !failed
}

func (s *Store) anyAppPassword(ctx context.Context) (found bool, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT COUNT(*) FROM (SELECT 1 FROM credential WHERE kind = 'app' LIMIT 1) AS app`).Scan(&found)
	})
	return found, err
}
