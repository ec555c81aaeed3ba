package imapserver

import (
	"errors"
	"io"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// reply completes a command. The zero reply is none: the handler has said all there is to say.
type reply struct {
	cond imap.Condition
	code imap.Code
	text string
}

func ok(text string) reply { return reply{imap.OK, "", text} }

func no(code imap.Code, text string) reply { return reply{imap.NO, code, text} }

// refuse is no as an error, for what does not return a reply.
func refuse(code imap.Code, text string) error {
	return &imap.Error{Condition: imap.NO, Code: code, Text: text}
}

func bad(text string) reply { return reply{imap.BAD, "", text} }

// cannotRead answers a command that could not be read, or ends the session with its connection.
func (s *session) cannotRead(request imap.Request, err error) {
	var syntax *imap.Error
	if !errors.As(err, &syntax) {
		s.lostConnection(err)
		return
	}
	if c, is := request.Command.(interface{ Saves() bool }); is && c.Saves() && syntax.Condition == imap.NO && s.selected != nil {
		s.selected.saved = nil // RFC 9051 6.4.4.1
	}
	s.refuse(syntax)
	s.count(syntax.Condition)
}

// refuse sends what is wrong with the syntax.
func (s *session) refuse(e *imap.Error) {
	s.out.Error(e)
	if e.Fatal {
		s.over, s.linger = true, true
	}
}

// goodbyes are what is said where the client can still hear it.
var goodbyes = map[error]string{
	errDraining:       "this server is out of service for a moment, come back soon",
	errIdle:           "nothing was sent for too long",
	errStalled:        "a command stopped half-way for too long",
	errPreauth:        "no sign-in for too long",
	listen.ErrDamaged: "what was sent after COMPRESS cannot be decompressed",
}

// lostConnection ends the session because its connection cannot be used, or not any longer.
func (s *session) lostConnection(err error) {
	for cause, text := range goodbyes {
		if errors.Is(err, cause) {
			s.bye(imap.CodeUnavailable, text)
			return
		}
	}
	if !errors.Is(err, io.EOF) {
		s.log.Debug("imap: connection lost", "err", err)
	}
	s.over = true
}

// failed is the one place where errors of the rooms become replies.
func (s *session) failed(request imap.Request, err error) reply {
	var syntax *imap.Error
	switch {
	case errors.As(err, &syntax) && syntax.Fatal:
		s.refuse(syntax)
		return reply{}
	case errors.As(err, &syntax):
		return reply{syntax.Condition, syntax.Code, syntax.Text}
	case s.wire.broken() != nil: // nobody is there to be answered, and the error may well be of that
		s.lostConnection(s.wire.broken())
		return reply{}
	case s.out.Err() != nil: // content broke off in the middle of a literal: only the end of the connection tells
		s.log.Error("imap: content cannot be read", "command", request.Name, "account", s.account, "err", err)
		s.over = true
		return reply{}
	}
	kind := mail.KindOf(err)
	if code, known := codes[kind]; known {
		return no(code, cause(err))
	}
	switch kind {
	case mail.Conflict, mail.Unavailable:
		s.log.Warn("imap: temporary failure", "command", request.Name, "account", s.account, "err", err)
		if errors.Is(err, mail.ErrOutcomeUnknown) {
			return no(imap.CodeUnavailable, "it is not known whether this was done: look before you try again")
		}
		return no(imap.CodeUnavailable, "this cannot be done right now, try again")
	case mail.Gone:
		s.log.Info("imap: the account is gone", "account", s.account, "err", err)
		s.bye(imap.CodeUnavailable, "the account is not here any more")
		return reply{}
	}
	s.log.Error("imap: internal fault", "command", request.Name, "account", s.account, "err", err)
	return no(imap.CodeServerBug, "internal fault, logged as session "+s.id)
}

// codes are the response codes of refusals, whose text comes from the room.
var codes = map[mail.Kind]imap.Code{
	mail.Invalid: imap.CodeCannot, mail.NotFound: imap.CodeNonExistent, mail.Exists: imap.CodeAlreadyExists,
	mail.Denied: imap.CodeNoPerm, mail.OverQuota: imap.CodeOverQuota, mail.TooLarge: imap.CodeTooBig,
	mail.Limit: imap.CodeLimit, mail.Disabled: imap.CodeContactAdmin,
}

// cause is the innermost text of a room's error: what was wrong, in words for people.
func cause(err error) string {
	var e *mail.Error
	for errors.As(err, &e) {
		if e.Err == nil {
			return string(e.Kind)
		}
		err = e.Err
	}
	return err.Error()
}
