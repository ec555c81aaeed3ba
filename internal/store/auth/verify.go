package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// ErrCredentials is the cause of every refusal that has to do with who and what: it never says which of them was wrong.
var ErrCredentials = errors.New("user name or password is wrong")

var errDisabled = errors.New("the account is switched off: its operator can switch it on")

// maxLogin bounds a sign-in name before it is looked up: an address, with room for one written badly.
const maxLogin = 2 * mail.MaxAddressLength

// Attempt is one try to sign in with a password.
type Attempt struct {
	Login    string
	Password string
	Remote   netip.Addr
	Protocol string // this and the rest are for the log
	Session  string
	TLS      bool
}

// SignIn is who signed in, and with what, for Recheck.
type SignIn struct {
	Account     mail.AccountID
	AppPassword int64 // id of the one that was used, 0 for the account's password

	login   string
	secret  mark
	session int64 // that a token was of; 0 for one by password
	scope   Scope // of the session

	lasts time.Duration // of a browser's session from each use on; 0 for what is refreshed
}

// Login is the name that was given.
func (s SignIn) Login() string { return s.login }

// Session is the id of the session whose token was used, 0 where it was a password.
func (s SignIn) Session() int64 { return s.session }

// InPerson reports whether it was the user who signed in, with the account's password: no program that was let in, nor one that has an
// app password.
func (s SignIn) InPerson() bool { return s.AppPassword == 0 && (s.session == 0 || s.lasts > 0) }

// Scope is what may be done: all, unless a token says less.
func (s SignIn) Scope() Scope {
	if s.session == 0 {
		return AllMail
	}
	return s.scope
}

// Verify checks a password. Its errors are mail.Denied with ErrCredentials, mail.Disabled, mail.Limit (with Wait when
// there were too many failures), or what the store says. A refusal takes a second or two (see refuse), or until ctx ends.
func (s *Store) Verify(ctx context.Context, a Attempt) (SignIn, error) {
	begun := s.now()
	k, err := s.know(ctx, a.Login)
	if err != nil {
		return SignIn{}, err
	}
	in, err := s.check(ctx, k, a)
	if err == nil {
		err = s.admit(ctx, k, in, a.Remote)
	}
	if err != nil {
		peer := Peer{Remote: a.Remote, Protocol: a.Protocol, Session: a.Session, TLS: a.TLS}
		return SignIn{}, s.refuse(ctx, k, peer, begun, err)
	}
	return k.signIn(a.Login, in.AppPassword), nil
}

func denied() error { return mail.E("auth.Verify", mail.Denied, ErrCredentials) }
func again() error  { return mail.E("auth.Verify", mail.Denied, errAgain) }

// credential is a row as a sign-in needs it.
type credential struct {
	id       int64
	verifier string
	scram    string
	lastUsed int64
}

// known is what the store knows about a name.
type known struct {
	subject  subject
	account  mail.AccountID // 0: nobody
	disabled bool
	password *credential
	apps     []credential
	digest   [sha256.Size]byte // of all rows: changes with each of them
	now      time.Time         // the database's
}

// know reads all about a name in one transaction.
func (s *Store) know(ctx context.Context, login string) (known, error) {
	login = strings.TrimSpace(login)
	var k known
	if len(login) > maxLogin {
		return known{subject: s.subject("name", []byte(login))}, nil
	}
	err := s.tx.Read(ctx, func(t *tx.Tx) (err error) {
		k, err = s.knowIn(t, login)
		return err
	})
	return k, err
}

// knowIn reads it in a transaction that is open.
func (s *Store) knowIn(t *tx.Tx, login string) (k known, err error) {
	k.now = t.Now()
	if k.account, k.disabled, err = s.lookup(t, login); err != nil && !mail.Is(err, mail.NotFound) {
		return k, err
	}
	if k.account == 0 {
		k.subject = s.subject("name", []byte(strings.ToLower(login)))
		return k, nil
	}
	k.subject = s.subject("account", binary.BigEndian.AppendUint64(nil, uint64(k.account)))
	return k, k.read(t)
}

func (k *known) read(t *tx.Tx) error {
	rows, err := t.SQL().Query(`SELECT id, verifier, scram, last_used FROM credential WHERE account_id = $1 ORDER BY id`, k.account)
	if err != nil {
		return err
	}
	defer rows.Close()
	digest := sha256.New()
	for rows.Next() {
		var c credential
		if err := rows.Scan(&c.id, &c.verifier, &c.scram, &c.lastUsed); err != nil {
			return err
		}
		digest.Write(binary.BigEndian.AppendUint64(nil, uint64(c.id)))
		digest.Write(append([]byte(c.verifier), 0))
		if c.id == passwordRow {
			k.password = &c
		} else {
			k.apps = append(k.apps, c)
		}
	}
	digest.Sum(k.digest[:0])
	return rows.Err()
}

// lastUsed is when one of the account's secrets was last used.
func (k *known) lastUsed(id int64) int64 {
	if id == passwordRow {
		return k.password.lastUsed
	}
	for _, c := range k.apps {
		if c.id == id {
			return c.lastUsed
		}
	}
	return 0
}

// check decides whether a password is one of the account's.
func (s *Store) check(ctx context.Context, k known, a Attempt) (SignIn, error) {
	if bare := bareApp(a.Password); bare != "" {
		for _, c := range k.apps {
			if appMatches(c.verifier, bare) {
				return SignIn{Account: k.account, AppPassword: c.id}, nil
			}
		}
	}
	from := network(a.Remote)
	password, err := prepare(a.Password)
	if err != nil { // nobody has such a password, whatever the name: there is nothing to hash
		return SignIn{}, s.fail(k, s.guess(k, a.Password), from)
	}
	g := s.guess(k, password)
	switch wrongAgain, err := s.throttle.check(k.subject, from, g); {
	case err != nil:
		return SignIn{}, mail.E("auth.Verify", mail.Limit, err)
	case wrongAgain:
		return SignIn{}, again()
	}
	if s.cache.has(g) {
		return SignIn{Account: k.account}, nil
	}
	return SignIn{Account: k.account}, s.checkSlowly(ctx, k, g, from, password)
}

// fail counts a guess that is wrong without looking.
func (s *Store) fail(k known, g guess, from netip.Prefix) error {
	end, wrongAgain, err := s.throttle.begin(k.subject, from, g)
	switch {
	case err != nil:
		return mail.E("auth.Verify", mail.Limit, err)
	case wrongAgain:
		return again()
	}
	end(wrong)
	return denied()
}

// checkSlowly runs Argon2id, once for equal attempts at the same time. It goes on when the first of them hangs up: the
// others wait for it.
func (s *Store) checkSlowly(ctx context.Context, k known, g guess, from netip.Prefix, password string) error {
	result := s.flights.DoChan(string(g[:]), func() (any, error) {
		return nil, s.compare(context.WithoutCancel(ctx), k, g, from, password)
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return mail.E("auth.Verify", mail.Unavailable, context.Cause(ctx))
	}
}

func (s *Store) compare(ctx context.Context, k known, g guess, from netip.Prefix, password string) error {
	if s.cache.has(g) { // an equal attempt ended between our look and this turn
		return nil
	}
	end, wrongAgain, err := s.throttle.begin(k.subject, from, g)
	if err != nil {
		return mail.E("auth.Verify", mail.Limit, err)
	}
	if wrongAgain {
		return again()
	}
	var stored Hash
	if k.password != nil {
		stored = Hash(k.password.verifier)
	}
	same, err := s.hasher.matches(ctx, stored, password)
	switch {
	case err != nil:
		end(undecided)
		return err
	case !same:
		end(wrong)
		return denied()
	}
	end(right)
	s.cache.add(g)
	return nil
}

// admit is the last step of every sign-in whose secret was right.
func (s *Store) admit(ctx context.Context, k known, in SignIn, remote netip.Addr) error {
	if k.disabled {
		return mail.E("auth.Verify", mail.Disabled, errDisabled)
	}
	s.throttle.welcome(k.subject, network(remote))
	s.noteUse(ctx, k, in)
	return nil
}

// noteUse keeps when a secret was last used, to the hour: one write an hour, not one a sign-in. A sign-in does not fail
// for it.
func (s *Store) noteUse(ctx context.Context, k known, in SignIn) {
	hour := k.now.Truncate(time.Hour).UnixMilli()
	if k.lastUsed(in.AppPassword) >= hour {
		return
	}
	err := s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		t.SQL().Queue(`UPDATE credential SET last_used = $3 WHERE account_id = $1 AND id = $2 AND last_used < $3`, in.Account, in.AppPassword, hour)
		return nil
	})
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the time of a sign-in was not kept", slog.Any("account", in.Account), slog.Any("error", err))
	}
}

func (s *Store) subject(kind string, of []byte) subject {
	h := hmac.New(sha256.New, s.process)
	h.Write([]byte(kind + ":"))
	h.Write(of)
	return subject(h.Sum(nil)[:len(subject{})])
}

func (s *Store) guess(k known, password string) guess {
	h := hmac.New(sha256.New, s.process)
	h.Write(k.subject[:])
	h.Write(k.digest[:])
	h.Write([]byte(password))
	return guess(h.Sum(nil))
}
