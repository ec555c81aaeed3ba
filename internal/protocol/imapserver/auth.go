package imapserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// Capabilities are those announced to a client that has signed in. Each has its list of requirements in docs/rfc/.
var Capabilities = []string{"IMAP4rev2", "IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE", "NAMESPACE", "UNSELECT",
	"CHILDREN", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CREATE-SPECIAL-USE", "UIDPLUS", "MOVE", "MULTIAPPEND", "CONDSTORE",
	"QRESYNC", "ESEARCH", "SEARCHRES", "STATUS=SIZE", "BINARY", "UTF8=ACCEPT", "OBJECTID"}

// capabilities lists what the client can use in its present state.
func (s *session) capabilities() []string {
	if s.account != 0 {
		return append(slices.Clone(Capabilities), "APPENDLIMIT="+strconv.FormatInt(s.o.Limits.MessageSize, 10))
	}
	names := []string{"IMAP4rev2", "IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "ENABLE"}
	if s.canStartTLS() {
		names = append(names, "STARTTLS")
	}
	if !s.maySignIn() {
		return append(names, "LOGINDISABLED")
	}
	for _, m := range s.o.Auth.Mechanisms(s.ctx, s.peer()) {
		names = append(names, "AUTH="+m)
	}
	return names
}

func (s *session) tls() *tls.ConnectionState {
	if tc, ok := s.wire.nc.(*tls.Conn); ok {
		state := tc.ConnectionState()
		return &state
	}
	return nil
}

func (s *session) canStartTLS() bool { return s.o.TLS != nil && s.tls() == nil }

// maySignIn: passwords travel only over TLS or within this machine (RFC 9051 11.1).
func (s *session) maySignIn() bool {
	return s.tls() != nil || listen.Remote(s.wire.nc).Addr().Unmap().IsLoopback()
}

func (s *session) startTLS(tag string) (reply, error) {
	if !s.canStartTLS() {
		return bad("TLS is not available here, or is used already"), nil
	}
	if s.wire.pending() {
		// RFC 9051 6.2.1: what was sent before the handshake must not be taken for something sent under TLS.
		s.bye(imap.CodeClientBug, "nothing may follow STARTTLS before the handshake")
		return reply{}, nil
	}
	s.out.Tagged(tag, imap.OK, "", "begin TLS now")
	if err := s.out.Flush(); err != nil {
		return reply{}, errors.Join(errConnection, err)
	}
	if err := s.wire.handshake(tls.Server(s.wire.nc, s.o.TLS)); err != nil {
		s.log.Debug("imap: TLS handshake failed", "err", err)
		s.over = true
	}
	return reply{}, nil
}

func (s *session) login(c imap.Login) (reply, error) {
	if !s.maySignIn() {
		return no(imap.CodePrivacyRequired, "sign in over TLS: use STARTTLS or the port of IMAPS"), nil
	}
	in, err := s.o.Auth.Verify(s.ctx, auth.Attempt{Login: c.Username, Password: c.Password, Remote: s.peer().Remote, Protocol: "imap"})
	return s.signedIn("LOGIN", in, err)
}

func (s *session) authenticate(c imap.Authenticate) (reply, error) {
	if !s.maySignIn() {
		return no(imap.CodePrivacyRequired, "sign in over TLS: use STARTTLS or the port of IMAPS"), nil
	}
	exchange, err := s.o.Auth.Begin(s.ctx, c.Mechanism, s.peer())
	if err != nil {
		return no(imap.CodeCannot, "this mechanism is not offered; see CAPABILITY"), nil
	}
	var response []byte
	if c.HasInitial {
		response = c.Initial
	}
	for {
		challenge, done, err := exchange.Next(response)
		if err != nil || done {
			in := exchange.SignIn()
			return s.signedIn(c.Mechanism, in, err)
		}
		s.out.Challenge(challenge)
		if response, err = s.in.ReadAuthResponse(); err != nil {
			return reply{}, err
		}
	}
}

func (s *session) peer() auth.Peer {
	p := auth.Peer{Remote: listen.Remote(s.wire.nc).Addr(), Protocol: "imap"}
	if state := s.tls(); state != nil {
		var shown *x509.Certificate
		if len(s.o.TLS.Certificates) == 1 { // with several the client's wishes decide, and tls-exporter is left
			shown = s.o.TLS.Certificates[0].Leaf
		}
		p.Bindings = sasl.Bindings(state, shown)
	}
	return p
}

// signedIn takes what the room said about an attempt.
func (s *session) signedIn(mechanism string, in auth.SignIn, err error) (reply, error) {
	if err == nil {
		s.account = in.Account
		s.watch = s.o.Realtime.Watch(in.Account)
		s.wire.setWait(s.o.Limits.Idle)
		s.log = s.log.With("account", in.Account)
		s.log.Info("imap: signed in", "mechanism", mechanism)
		s.o.Observer.SignedIn(mechanism)
		return reply{imap.OK, imap.CodeCapability(s.capabilities()), "signed in"}, nil
	}
	kind := mail.KindOf(err)
	s.o.Observer.SignInFailed(mechanism, kind)
	if s.failedSignIns++; s.failedSignIns >= s.o.Limits.SignIns {
		defer s.bye(imap.CodeUnavailable, "too many failed attempts to sign in")
	}
	switch kind {
	case mail.Denied:
		return no(imap.CodeAuthenticationFailed, "the name or the password is wrong"), nil
	case mail.Disabled:
		return no(imap.CodeContactAdmin, "this account is disabled"), nil
	case mail.Limit:
		return no(imap.CodeUnavailable, "too many failed attempts, try again later"), nil
	case mail.Invalid:
		return bad(cause(err)), nil
	}
	return reply{}, err
}

func (s *session) identify(imap.ID) reply {
	// RFC 2971 4: a version is useful to attackers, so none is given.
	s.out.ID([]imap.IDParam{{Name: "name", Value: "Mailmesh"}})
	return ok("pleased to meet you")
}

func (s *session) enable(c imap.Enable) reply {
	var enabled []string
	for _, name := range c.Capabilities {
		switch name {
		case "IMAP4REV2":
			s.dialect.Rev2 = true
			enabled = append(enabled, "IMAP4rev2")
		case "UTF8=ACCEPT":
			s.dialect.UTF8Accept = true
			enabled = append(enabled, name)
		case "CONDSTORE":
			s.condstore = true
			enabled = append(enabled, name)
		case "QRESYNC":
			s.condstore, s.qresync = true, true // RFC 7162 3.2.3
			enabled = append(enabled, name)
		}
	}
	s.in.SetDialect(s.dialect)
	s.out.SetDialect(s.dialect)
	s.out.Enabled(slices.CompactFunc(enabled, strings.EqualFold))
	return ok("enabled")
}
