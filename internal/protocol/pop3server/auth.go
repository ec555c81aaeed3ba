package pop3server

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

func (s *session) canStartTLS() bool { return s.o.TLS != nil && s.wire.TLS() == nil }

// maySignIn: passwords travel only over TLS or within this machine (RFC 2595 2.3, RFC 8314 3).
func (s *session) maySignIn() bool {
	return s.wire.IsPrivate()
}

// overTLS refuses a sign-in in clear. RFC 3206 4: [AUTH] is also for attempts "in violation of policy".
var overTLS = reply{negative, codeAuth, "sign in over TLS: use STLS or the port of POP3S"}

func (s *session) startTLS(string) (reply, error) {
	if !s.canStartTLS() {
		return bad("TLS is not available here, or is used already"), nil
	}
	if s.wire.pending() {
		// What was sent before the handshake must not be taken for something sent under TLS.
		s.bye(refused("nothing may follow STLS before the handshake"))
		return reply{}, nil
	}
	s.say(ok("begin TLS now"))
	if err := s.wire.flush(); err != nil {
		return reply{}, err
	}
	s.wire.dropBuffers()
	s.utf8 = false // nothing that was said in clear is kept
	if err := s.wire.StartTLS(s.o.TLS, nil, s.o.Limits.Handshake); err != nil {
		s.log.Debug("pop3: TLS handshake failed", "err", err)
		s.over = true
	}
	return reply{}, nil
}

// userName takes the name, about which nothing is said: RFC 1939 7 allows it, and who may not know learns nothing.
func (s *session) userName(name string) (reply, error) {
	s.user = ""
	if !s.maySignIn() {
		return overTLS, nil
	}
	s.user = name
	return ok("send the password"), nil
}

// pass takes the password: all that follows the first space (RFC 1939 7).
func (s *session) pass(password string) (reply, error) {
	switch {
	case !s.maySignIn():
		return overTLS, nil
	case s.user == "":
		return bad("send USER first"), nil
	}
	in, err := s.o.Auth.Verify(s.ctx, s.peer().Attempt(s.user, password))
	return s.signedIn("USER", in, err)
}

// auth is RFC 5034's. Without a mechanism it lists them, as clients older than CAPA ask for.
func (s *session) auth(args string) (reply, error) {
	if !s.maySignIn() {
		return overTLS, nil
	}
	if strings.TrimSpace(args) == "" {
		s.say(ok("mechanisms follow"))
		s.lines(s.o.Auth.Mechanisms(s.ctx, s.peer()))
		return reply{}, nil
	}
	mechanism, initial, has := strings.Cut(args, " ")
	exchange, err := s.o.Auth.Begin(s.ctx, mechanism, s.peer())
	if err != nil {
		return bad("this mechanism is not offered; see CAPA"), nil
	}
	var response []byte
	if has {
		if response, err = decodeInitial(initial); err != nil {
			return bad("the initial response is not base64"), nil
		}
	}
	for {
		challenge, done, err := exchange.Next(response)
		if err != nil || done {
			return s.signedIn(strings.ToUpper(mechanism), exchange.SignIn(), err)
		}
		r, over := s.ask(challenge, &response)
		if over {
			return r, nil
		}
	}
}

// decodeInitial reads an initial response. RFC 5034 4: "=" is an empty one.
func decodeInitial(text string) ([]byte, error) {
	if text == "=" {
		return []byte{}, nil
	}
	return base64.StdEncoding.DecodeString(text)
}

// ask sends a challenge and reads the response to it. over says that the exchange ends with a reply.
func (s *session) ask(challenge []byte, response *[]byte) (r reply, over bool) {
	s.wire.Write(append(base64.StdEncoding.AppendEncode([]byte("+ "), challenge), "\r\n"...))
	line, err := s.wire.readLine()
	switch {
	case errors.Is(err, errBareLF):
		return bad(err.Error()), true
	case err != nil:
		s.lost(err)
		return reply{}, true
	case string(line) == "*": // RFC 5034 4
		return refused("the exchange is cancelled"), true
	}
	if *response, err = base64.StdEncoding.DecodeString(string(line)); err != nil {
		return bad("the response is not base64"), true
	}
	return reply{}, false
}

func (s *session) peer() auth.Peer {
	return auth.Peer{Remote: listen.Remote(s.wire.NetConn()).Addr(), Protocol: "pop3", Session: s.id}.Over(s.wire.TLS(), s.wire.Shown())
}

// signedIn takes what the room said about an attempt, and opens the maildrop.
func (s *session) signedIn(mechanism string, in auth.SignIn, err error) (reply, error) {
	if err != nil {
		return s.notSignedIn(mechanism, err)
	}
	drop, err := s.openMaildrop(in.Account)
	if err != nil {
		s.o.Observer.SignInFailed(mechanism, mail.KindOf(err))
		return reply{}, err
	}
	s.account, s.signIn, s.maildrop = in.Account, auth.Stand(in), drop
	s.wire.begun = time.Time{}
	s.log = s.log.With("account", in.Account)
	s.log.Info("pop3: signed in", "mechanism", mechanism, "tls", s.wire.TLS() != nil)
	s.o.Observer.SignedIn(mechanism)
	return ok(drop.describe()), nil
}

func (s *session) notSignedIn(mechanism string, err error) (reply, error) {
	kind := mail.KindOf(err)
	s.o.Observer.SignInFailed(mechanism, kind)
	r := reply{negative, codeAuth, "the name or the password is wrong"}
	switch kind {
	case mail.Denied:
	case mail.Disabled:
		r.text = "this account is disabled"
	case mail.Limit: // the password may well be right: the client must not ask for another
		r = temporary("too many failed attempts, try again later")
	case mail.Invalid:
		r.text = "this cannot be a name and a password"
	default:
		return reply{}, err
	}
	if s.failedSignIns++; s.failedSignIns >= s.o.Limits.SignIns {
		s.over, s.linger = true, true
	}
	return r, nil
}

// recheck ends the session of an account that was disabled or removed, or whose secret was changed or revoked.
func (s *session) recheck() {
	if s.maildrop == nil {
		return
	}
	if err := s.o.Auth.Stands(s.ctx, &s.signIn, auth.RecheckEvery); err != nil {
		s.log.Info("pop3: the sign-in was taken away", "err", err)
		s.bye(reply{negative, codeAuth, "this sign-in is no longer good, nothing was deleted"})
	}
}
