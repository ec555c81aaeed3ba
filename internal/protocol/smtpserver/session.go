package smtpserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// session is the dialogue on one connection. One goroutine runs it.
type session struct {
	*Server
	ctx  context.Context // for Inbound
	wire wire
	log  *slog.Logger
	info smtp.Session

	shown         *x509.Certificate // to this client; nil without TLS, or when it is not known
	signIn        auth.SignIn       // of info.Account
	checked       time.Time         // when it was last found good
	failedSignIns int

	greeted bool           // EHLO, HELO or LHLO was said
	utf8    bool           // so was SMTPUTF8: replies may hold what it allows
	tx      *mail.Envelope // the open transaction, nil without one
	tried   int            // RCPT commands of the transaction

	pending *smtp.Command // read by BDAT, to be executed after it
	ended   bool          // say no more after this
	budget  budget
}

func newSession(ctx context.Context, srv *Server, door *listen.Server, nc net.Conn) *session {
	s := &session{Server: srv, ctx: ctx}
	s.wire = wire{limits: &srv.o.Limits, door: door, pool: &srv.buffers, nc: nc}
	s.info = smtp.Session{ID: srv.o.NewID(), Remote: listen.Remote(nc), Local: listen.Local(nc), LMTP: srv.o.Mode == LMTP}
	s.log = srv.o.Log.With("door", string(srv.o.Mode), "session", s.info.ID)
	return s
}

// Drain ends the session where no message is under way, else after it. Drain and Abort are listen.Session's.
func (s *session) Drain() { s.wire.drain() }
func (s *session) Abort() { s.wire.abort() }

// Run holds the dialogue until it ends.
func (s *session) Run() {
	s.o.Observer.SessionStarted(s.o.Mode)
	defer s.o.Observer.SessionEnded(s.o.Mode)
	defer s.wire.close()
	defer s.survive()
	s.log.Debug("smtp: session begins", "remote", s.info.Remote.String())

	if tc, ok := s.wire.nc.(*tls.Conn); ok && !s.handshake(tc) {
		return
	}
	if s.wire.isDraining() { // RFC 5321 3.8: 421 may take the place of the greeting
		s.lost(errDraining)
		return
	}
	s.say(mail.Reply{Code: 220, Text: greetings[s.o.Mode]})
	for !s.ended {
		cmd, err := s.next()
		if err != nil {
			s.lost(err)
			return
		}
		s.promptly(cmd)
	}
}

var greetings = map[Mode]string{MX: "ESMTP ready", LMTP: "LMTP ready", Submission: "ESMTP submission ready"}

// survive keeps a fault in one dialogue from ending all of them. Whatever was not answered was not accepted.
func (s *session) survive() {
	if fault := recover(); fault != nil {
		s.log.Error("smtp: panic", "fault", fault, "stack", string(debug.Stack()))
		s.refuse("", reply(421, 4, 3, 0, "internal error"))
	}
}

// next returns the next command whose line can be understood as one; the others are answered here.
func (s *session) next() (smtp.Command, error) {
	if cmd := s.pending; cmd != nil {
		s.pending = nil
		return *cmd, nil
	}
	for {
		if s.tx == nil {
			if err := s.wire.sleep(); err != nil {
				return smtp.Command{}, err
			}
		}
		s.wire.stranger = s.info.Account == 0 && (s.tx == nil || len(s.tx.Recipients) == 0)
		line, err := s.wire.readLine()
		if err != nil && !errors.Is(err, errLineTooLong) {
			return smtp.Command{}, err
		}
		s.throttle()
		cmd, refusal := checkLine(line, err)
		if refusal.Code == 0 {
			return cmd, nil
		}
		if s.refuse("other", refusal); s.ended {
			return smtp.Command{}, errToldWhy
		}
		s.wire.flush() // see promptly
	}
}

// errToldWhy ends a session that has been answered already.
var errToldWhy = errors.New("the client was told why")

// checkLine makes a command of a line, or says what is wrong with it.
func checkLine(line []byte, err error) (smtp.Command, mail.Reply) {
	if err != nil {
		return smtp.Command{}, lineTooLong
	}
	cmd, err := smtp.ParseCommand(line)
	switch {
	case err != nil:
		return cmd, reply(500, 5, 5, 2, err.Error())
	case len(line)+len("\r\n") > smtp.MaxCommandLine && cmd.Verb != "MAIL" && cmd.Verb != "RCPT":
		return cmd, lineTooLong
	}
	return cmd, mail.Reply{}
}

// lost ends a session whose connection can no longer be read.
func (s *session) lost(err error) {
	switch {
	case errors.Is(err, errDraining):
		s.say(shutdown)
	case errors.Is(err, errIdle):
		s.refuse("", idle)
	case errors.Is(err, errTooSlow):
		s.refuse("", tooSlow)
	case errors.Is(err, errBareLF):
		s.refuse("other", bareLF)
		s.hangUp()
	case errors.Is(err, errEndless):
		s.refuse("other", lineTooLong)
		s.hangUp()
	case errors.Is(err, io.EOF), errors.Is(err, errToldWhy):
	default:
		s.log.Debug("smtp: connection lost", "err", err)
	}
	s.ended = true
}

// say sends a reply.
func (s *session) say(r mail.Reply) {
	if !s.utf8 {
		r.Text = smtp.ASCIIText(r.Text)
	}
	s.wire.reply(signed(s.o.Hostname, r))
}

// refuse answers a command with a 4yz or 5yz, and ends the session of a client that has heard too many.
func (s *session) refuse(command string, r mail.Reply) {
	s.say(r)
	s.o.Observer.Refused(s.o.Mode, command, r)
	if r.Code == 421 { // RFC 5321 4.2.3: closing transmission channel
		s.ended = true
		return
	}
	if r.Code/100 == 5 {
		s.budget.errors++
	}
	if s.budget.errors > s.o.Limits.Errors {
		s.end(tooManyErrors)
	}
}

// hangUp ends the session of a client that is still sending.
func (s *session) hangUp() { s.ended, s.wire.linger = true, true }

// end says a last word.
func (s *session) end(why mail.Reply) {
	if s.ended {
		return
	}
	s.hangUp()
	s.say(why)
	s.o.Observer.Refused(s.o.Mode, "", why)
	s.log.Info("smtp: session ended", "remote", s.info.Remote.String(), "reply", why.Error())
}

// budget is what a client may still do before it has another message accepted.
type budget struct {
	errors   int
	commands int

	second   time.Time // when the running second began
	inSecond int       // commands answered in it
}

// forgive follows an accepted message.
func (b *budget) forgive() {
	b.errors = max(0, b.errors-1)
	b.commands, b.inSecond = 0, 0
}

// throttle lets a client wait that sends more commands a second than it may.
func (s *session) throttle() {
	b := &s.budget
	now := time.Now()
	if now.Sub(b.second) >= time.Second {
		b.second, b.inSecond = now, 0
	}
	if b.inSecond++; b.inSecond <= s.o.Limits.CommandRate {
		return
	}
	s.wire.flush()
	pause := time.NewTimer(time.Second - now.Sub(b.second))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-s.ctx.Done():
	}
	b.second, b.inSecond = time.Now(), 1
}

// spend counts a command that brings no mail.
func (s *session) spend() {
	if s.budget.commands++; s.budget.commands > s.o.Limits.Commands {
		s.end(tooManyCommands)
	}
}

// reset forgets the transaction (RFC 5321 4.1.1.5).
func (s *session) reset() { s.tx, s.tried = nil, 0 }
