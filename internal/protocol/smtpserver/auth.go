package smtpserver

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// maxAuthLine is the longest line of an exchange, CRLF included. RFC 4954 4 has 12,288; ours need far less, and what they
// need is bounded by package sasl.
const maxAuthLine = 12288

// submissionLines are the extensions of EHLO that depend on the session. Neither passwords nor mail that must stay secret
// travel in clear, so nothing that leads there is offered before TLS (RFC 4954 4, RFC 8314 3.3, RFC 8689 2).
func (s *session) submissionLines() []string {
	hold := s.o.Limits.Hold
	lines := []string{fmt.Sprintf("FUTURERELEASE %d %s", int64(hold/time.Second), time.Now().Add(hold).UTC().Format(time.RFC3339))} // RFC 4865 3
	if s.info.TLS == nil {
		return lines
	}
	return append(lines, "REQUIRETLS", "AUTH "+strings.Join(s.o.Auth.Mechanisms(s.ctx, s.peer()), " "))
}

// extensions are the parameters of MAIL that submissionLines and helloLines offer.
func (s *session) extensions() smtp.Extensions {
	switch s.o.Mode {
	case MX:
		return smtp.Extensions{RequireTLS: s.info.TLS != nil}
	case LMTP:
		return smtp.Extensions{}
	}
	return smtp.Extensions{Auth: true, FutureRelease: s.o.Limits.Hold, DeliverBy: true, Priority: true, RequireTLS: s.info.TLS != nil, Now: time.Now()}
}

func (s *session) peer() auth.Peer {
	p := auth.Peer{Remote: s.info.Remote.Addr(), Protocol: string(s.o.Mode), Session: s.info.ID}
	if s.info.TLS != nil {
		p.TLS = true
		p.Bindings = sasl.Bindings(s.info.TLS, s.shown)
	}
	return p
}

// auth is RFC 4954 4.
func (s *session) auth(args string) {
	mechanism, initial, has := strings.Cut(args, " ")
	switch {
	case s.o.Mode != Submission:
		s.refuse("AUTH", notImplemented)
		return
	case !s.greeted:
		s.refuse("AUTH", helloFirst)
		return
	case s.info.Account != 0:
		s.refuse("AUTH", signedIn)
		return
	case s.tx != nil:
		s.refuse("AUTH", notNow)
		return
	case s.info.TLS == nil:
		s.refuse("AUTH", needsTLS)
		return
	case mechanism == "":
		s.refuse("AUTH", wantArgument)
		return
	}
	exchange, err := s.o.Auth.Begin(s.ctx, mechanism, s.peer())
	if err != nil {
		s.refuse("AUTH", noMechanism)
		return
	}
	var response []byte
	if has {
		if response, err = decodeInitial(strings.TrimLeft(initial, " ")); err != nil {
			s.refuse("AUTH", notBase64)
			return
		}
	}
	s.exchange(strings.ToUpper(mechanism), exchange, response)
}

// decodeInitial reads an initial response. RFC 4954 4: "=" is an empty one.
func decodeInitial(text string) ([]byte, error) {
	if text == "=" {
		return []byte{}, nil
	}
	return base64.StdEncoding.DecodeString(text)
}

// exchange carries challenges and responses until it is known who the client is, or that it is not known.
func (s *session) exchange(mechanism string, x *auth.Exchange, response []byte) {
	for {
		challenge, done, err := x.Next(response)
		switch {
		case err != nil:
			s.notSignedIn(mechanism, err)
			return
		case done:
			s.signedIn(mechanism, x.SignIn())
			return
		}
		var refusal mail.Reply
		response, refusal, err = s.ask(challenge)
		if err != nil {
			s.lost(err)
			return
		}
		if refusal.Code != 0 {
			s.refuse("AUTH", refusal)
			return
		}
	}
}

// ask sends a challenge and reads the response to it. An error means that the connection can no longer be read.
func (s *session) ask(challenge []byte) (response []byte, refusal mail.Reply, err error) {
	s.wire.add(append(base64.StdEncoding.AppendEncode(append(s.wire.out(), "334 "...), challenge), "\r\n"...))
	line, err := s.wire.readLineOf(maxAuthLine)
	switch {
	case errors.Is(err, errLineTooLong):
		return nil, responseTooLong, nil
	case err != nil:
		return nil, mail.Reply{}, err
	case string(line) == "*": // RFC 4954 4
		return nil, canceled, nil
	}
	if response, err = base64.StdEncoding.DecodeString(string(line)); err != nil {
		return nil, notBase64, nil
	}
	return response, mail.Reply{}, nil
}

func (s *session) signedIn(mechanism string, in auth.SignIn) {
	s.info.Account, s.info.Login, s.signIn, s.checked = in.Account, in.Login(), in, time.Now()
	s.log = s.log.With("account", in.Account)
	s.log.Info("smtp: signed in", "mechanism", mechanism, "remote", s.info.Remote.String())
	s.o.Observer.SignedIn(s.o.Mode, mechanism)
	s.say(signedInNow)
}

// signInReplies answer refusals of store/auth by their kind. Of the right password too often after wrong ones the client must not
// ask for another one, nor while the store cannot answer.
var signInReplies = map[mail.Kind]mail.Reply{
	mail.Denied: badCredentials, mail.Disabled: accountOff, mail.Limit: signInLater, mail.Invalid: badMessage,
}

func (s *session) notSignedIn(mechanism string, err error) {
	kind := mail.KindOf(err)
	s.o.Observer.SignInFailed(s.o.Mode, mechanism, kind)
	r, expected := signInReplies[kind]
	if !expected {
		s.log.Error("smtp: a sign-in could not be checked", "err", err)
		r = signInFailed
	}
	s.refuse("AUTH", r)
	if s.failedSignIns++; s.failedSignIns >= s.o.Limits.SignIns {
		s.end(tooManySignIns)
	}
}

// maySend says whether somebody has signed in who may open a transaction, and refuses it otherwise. A store that cannot
// answer says nothing about the sign-in. The room behind the door refuses an account that was switched off at once.
func (s *session) maySend() bool {
	switch {
	case s.info.Account == 0 && s.info.TLS == nil:
		s.refuse("MAIL", tlsFirst)
		return false
	case s.info.Account == 0:
		s.refuse("MAIL", signInFirst)
		return false
	case time.Since(s.checked) < s.o.Limits.Recheck:
		return true
	}
	s.checked = time.Now()
	switch err := s.o.Auth.Recheck(s.ctx, s.signIn); mail.KindOf(err) {
	case mail.Denied, mail.Disabled:
		s.log.Info("smtp: the sign-in was taken away", "err", err)
		s.info.Account, s.info.Login = 0, ""
		s.refuse("MAIL", signInLost)
		return false
	}
	return true
}
