package pop3server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// session is one connection. All but Drain and Abort belongs to its goroutine.
type session struct {
	o    *Options
	ctx  context.Context // of the session's work: outlives a drain, ends with the connection
	end  context.CancelFunc
	log  *slog.Logger
	id   string
	wire wire

	utf8     bool   // the client understands internationalized headers (RFC 6856 2.1)
	user     string // that USER named, for the PASS that follows at once
	account  mail.AccountID
	signIn   auth.Standing
	maildrop *maildrop // nil: not signed in (AUTHORIZATION state)

	begun         time.Time // of the command under way
	strangers     int       // commands before sign-in
	failedSignIns int
	badInARow     int
	over          bool // nothing more is read
	linger        bool // the client was still sending
}

func newSession(ctx context.Context, s *Server, conn *listen.Conn) *session {
	c := &session{o: &s.o, id: strings.ToLower(rand.Text()[:12])}
	c.ctx, c.end = context.WithCancel(ctx)
	c.log = s.o.Log.With("session", c.id, "remote", listen.Remote(conn.NetConn()))
	c.wire = wire{Conn: conn, limits: &s.o.Limits, pool: &s.buffers, begun: time.Now()}
	return c
}

// Drain and Abort are listen.Session's.
func (s *session) Drain() { s.wire.Drain() }
func (s *session) Abort() { s.wire.Abort() }

// Run serves the connection until it ends.
func (s *session) Run() {
	s.o.Observer.SessionStarted()
	defer s.o.Observer.SessionEnded()
	defer s.close()
	defer s.survive()
	if err := s.wire.Handshake(s.o.Limits.Handshake); err != nil {
		s.log.Debug("pop3: TLS handshake failed", "err", err)
		return
	}
	s.log.Debug("pop3: connected")
	// No timestamp in angle brackets: that would offer APOP (RFC 1939 7).
	if !s.wire.IsDraining() { // else the first answer is why (RFC 3206 4)
		s.say(ok(s.o.Hostname + " Mailmesh POP3"))
	}
	for !s.over {
		if s.wire.sleep() != nil { // what a client that is gone had pipelined is not carried out
			return
		}
		line, err := s.wire.readLine()
		switch {
		case errors.Is(err, errBareLF):
			s.begun, s.wire.waited = time.Now(), 0
			s.answer("other", bad(err.Error()))
		case err != nil:
			s.lost(err)
		default:
			s.serve(line)
		}
	}
}

// survive keeps a fault in one session from ending all of them. What was marked is not deleted.
func (s *session) survive() {
	if fault := recover(); fault != nil {
		s.log.Error("pop3: panic", "fault", fault, "stack", string(debug.Stack()))
		if s.maildrop == nil || !s.maildrop.sending {
			s.say(temporary("internal fault, logged as session " + s.id))
		}
	}
}

func (s *session) close() {
	s.end()
	if s.linger {
		s.wire.linger()
	}
	s.wire.close()
	m := s.maildrop
	if m == nil {
		s.log.Debug("pop3: closed")
		return
	}
	s.o.Observer.Retrieved(m.octets, m.removed)
	level := slog.LevelInfo
	if m.octets == 0 && m.removed == 0 { // most sessions find nothing new
		level = slog.LevelDebug
	}
	s.log.Log(s.ctx, level, "pop3: closed", "retrieved", m.retrieved, "octets", m.octets, "deleted", m.removed)
}

// serve carries a command out and answers it.
func (s *session) serve(line []byte) {
	s.o.Observer.CommandStarted()
	defer s.o.Observer.CommandEnded()
	s.begun, s.wire.waited = time.Now(), 0
	name, args, _ := strings.Cut(string(line), " ")
	name = strings.ToUpper(name)
	c, known := commands[name]
	if !known {
		s.answer("other", bad("this command is not known here"))
		return
	}
	r := c.refusal(s, args)
	if r == (reply{}) {
		if s.recheck(); s.over {
			return
		}
		var err error
		if r, err = c.run(s, args); err != nil {
			r = s.failed(name, err)
		}
	}
	if name != "USER" {
		s.user = "" // RFC 1939 7: PASS comes "immediately after a successful USER command"
	}
	s.answer(name, r)
}

// answer sends a reply and counts it. A session that sends what is not POP3, or that does everything but sign in, ends.
func (s *session) answer(name string, r reply) {
	if r != (reply{}) {
		s.say(r)
	}
	took := time.Since(s.begun) - s.wire.waited
	fine := r.status == positive || r == reply{}
	s.o.Observer.Command(name, fine, took)
	s.log.Debug("pop3: command", "name", name, "ok", fine, "took", took)
	if s.badInARow++; r.status != malform {
		s.badInARow = 0
	}
	if s.maildrop == nil {
		s.strangers++
	}
	switch {
	case s.over:
	case s.badInARow >= s.o.Limits.BadCommands:
		s.bye(refused("too many commands in a row that are not POP3"))
	case s.maildrop == nil && s.strangers >= s.o.Limits.PreauthCommands:
		s.bye(refused("too many commands before signing in"))
	}
}

// bye ends the session with a reason, behind which the client may still be sending.
func (s *session) bye(r reply) {
	s.say(r)
	s.over, s.linger = true, true
}

// lost ends a session whose connection can no longer be read. Nothing is deleted: RFC 1939 3 and 6.
func (s *session) lost(err error) {
	s.over = true
	switch {
	case errors.Is(err, errDraining):
		s.say(temporary("this server is out of service for a moment, nothing was deleted, come back soon"))
	case errors.Is(err, errEndless):
		s.bye(refused(err.Error()))
	case errors.Is(err, errIdle), errors.Is(err, errStalled), errors.Is(err, errPreauth):
		// RFC 1939 3: "the server should close the TCP connection without removing any messages or sending any response".
		s.log.Debug("pop3: closing", "why", err)
	case !errors.Is(err, io.EOF):
		s.log.Debug("pop3: connection lost", "err", err)
	}
}
