package imapserver

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

func accessExtension() extension {
	return extension{
		capabilities: []capability{
			{name: "IMAP4rev2", offered: always, enables: func(s *session) *bool { return &s.dialect.Rev2 }},
			{name: "IMAP4rev1", offered: always},
			{name: "LITERAL+", offered: always},
			{name: "SASL-IR", offered: always},
			{name: "ID", offered: always},
			{name: "ENABLE", offered: always},
			{name: "STARTTLS", offered: func(s *session) bool { return s.stranger() && s.canStartTLS() }},
			{name: "LOGINDISABLED", offered: func(s *session) bool { return s.stranger() && !s.maySignIn() }},
			{name: "UTF8=ACCEPT", enables: func(s *session) *bool { return &s.dialect.UTF8Accept }},
		},
		commands: map[string]command{
			"CAPABILITY":   {run: on((*session).listCapabilities)},
			"NOOP":         {run: on(func(s *session, _ imap.Noop) (reply, error) { return s.poll() })},
			"LOGOUT":       {run: on((*session).logout)},
			"ID":           {run: on((*session).identify)},
			"ENABLE":       {run: on((*session).enable)},
			"STARTTLS":     {run: with((*session).startTLS)},
			"LOGIN":        {run: on((*session).login)},
			"AUTHENTICATE": {run: on((*session).authenticate)},
		},
	}
}

func (s *session) listCapabilities(imap.Capability) (reply, error) {
	s.out.Capability(s.capabilities())
	return ok("these are my capabilities"), nil
}

func (s *session) logout(imap.Logout) (reply, error) {
	s.bye("", "good bye")
	return ok("logged out"), nil
}

func (s *session) canStartTLS() bool { return s.o.TLS != nil && s.wire.TLS() == nil }

// maySignIn: passwords travel only over TLS or within this machine (RFC 9051 11.1).
func (s *session) maySignIn() bool {
	return s.wire.IsPrivate()
}

func (s *session) startTLS(r imap.Request, _ imap.StartTLS) (reply, error) {
	if !s.canStartTLS() {
		return bad("TLS is not available here, or is used already"), nil
	}
	s.out.Tagged(r.Tag, imap.OK, "", "begin TLS now")
	if err := s.out.Flush(); err != nil {
		return reply{}, err
	}
	// RFC 9051 6.2.1: what came behind the command is the beginning of the handshake, never something sent under TLS.
	if err := s.wire.StartTLS(s.o.TLS, s.wire.unread(), s.o.Limits.Handshake); err != nil {
		s.log.Debug("imap: TLS handshake failed", "err", err)
		s.over = true
	}
	return reply{}, nil
}

func (s *session) login(c imap.Login) (reply, error) {
	if !s.maySignIn() {
		return no(imap.CodePrivacyRequired, "sign in over TLS: use STARTTLS or the port of IMAPS"), nil
	}
	in, err := s.o.Auth.Verify(s.ctx, s.peer().Attempt(c.Username, c.Password))
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
	return auth.Peer{Remote: listen.Remote(s.wire.NetConn()).Addr(), Protocol: "imap", Session: s.id}.Over(s.wire.TLS(), s.wire.Shown())
}

// signedIn takes what the room said about an attempt.
func (s *session) signedIn(mechanism string, in auth.SignIn, err error) (reply, error) {
	if err == nil {
		s.account, s.signIn = in.Account, auth.Stand(in)
		s.watch = s.o.Realtime.Watch(in.Account)
		s.share = s.server.shares.join(in.Account, &s.o.Limits)
		s.wire.begun = time.Time{}
		s.in.SetLimits(imap.DefaultLimits)
		s.log = s.log.With("account", in.Account)
		s.log.Info("imap: signed in", "mechanism", mechanism, "tls", s.wire.TLS() != nil)
		s.o.Observer.SignedIn(mechanism)
		return reply{imap.OK, imap.CodeCapability(s.capabilities()), "signed in"}, nil
	}
	kind := mail.KindOf(err)
	s.o.Observer.SignInFailed(mechanism, kind)
	switch kind {
	case mail.Denied, mail.Disabled, mail.Limit, mail.Invalid:
		if s.failedSignIns++; s.failedSignIns >= s.o.Limits.SignIns {
			s.farewell = "too many failed attempts to sign in"
		}
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

// recheck ends the session of an account that was disabled or removed, or whose secret was changed or revoked, if the
// last look is longer ago than every. A session in IDLE looks whenever the account's bell rings, which it does for that too.
func (s *session) recheck(every time.Duration) {
	if s.account == 0 {
		return
	}
	if err := s.o.Auth.Stands(s.ctx, &s.signIn, every); err != nil {
		s.log.Info("imap: the sign-in was taken away", "err", err)
		s.bye(imap.CodeUnavailable, "this sign-in is no longer good")
	}
}

func (s *session) identify(c imap.ID) (reply, error) {
	s.log.Debug("imap: client", "id", c.Params)
	// RFC 2971 7: a version is useful to attackers, so none is given.
	s.out.ID([]imap.IDParam{{Name: "name", Value: "Mailmesh"}})
	return ok("pleased to meet you"), nil
}
