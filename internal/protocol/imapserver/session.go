package imapserver

import (
	"context"
	"crypto/rand"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// session is one connection. All but Drain and Abort belongs to its goroutine.
type session struct {
	server *Server
	o      *Options
	ctx    context.Context // of the session's work: outlives a drain, ends with the connection
	end    context.CancelFunc
	log    *slog.Logger
	id     string

	anonymous *slog.Logger // log, before anybody has signed in

	wire *wire
	in   *imap.Reader
	out  *imap.Encoder

	authenticated

	progress progress // of the command under way
	cut      mail.UID // messages below were left out of it (RFC 9738); 0: none were

	strangers     int // commands before sign-in
	failedSignIns int
	badInARow     int
	farewell      string // a command's handler wants BYE after its reply
	over          bool   // BYE was said, or nothing can be said any more
	linger        bool   // the client was still sending
}

// authenticated is what a session has of the client that signed in, and of what that has asked for. UNAUTHENTICATE forgets it
// as a whole, so whatever belongs to one client is here.
type authenticated struct {
	dialect   imap.Dialect
	condstore bool // the client understands MODSEQ (RFC 7162 3.1)
	qresync   bool // and VANISHED (RFC 7162 3.2)

	account  mail.AccountID  // 0: not signed in
	share    *share          // of the account
	signIn   auth.Standing   // by which
	watch    *realtime.Watch // of the account
	heard    mail.ModSeq     // the newest number that watch gave
	selected *selected       // nil: no mailbox

	notify   *notify // what NOTIFY asks for of the selected mailbox; nil: it was never given
	metadata bool    // names of annotations that change are wanted (RFC 5464 4.1)
	events   *events // what is told of the account; nil: nothing
	others   *others // and of the mailboxes of others; nil: nothing
}

func newSession(ctx context.Context, s *Server, conn *listen.Conn) *session {
	c := &session{server: s, o: &s.o, id: strings.ToLower(rand.Text()[:12])}
	c.ctx, c.end = context.WithCancel(tx.WithNote(ctx, c.noteOwn))
	c.anonymous = s.o.Log.With("session", c.id, "remote", listen.Remote(conn.NetConn()))
	c.log = c.anonymous
	c.wire = &wire{Conn: conn, limits: &s.o.Limits, pool: &s.buffers, begun: time.Now()}
	c.out = imap.NewEncoder(c.wire, nil)
	c.in = imap.NewReader(c.wire, imap.Config{Continue: c.goOn, Limits: strangerLimits})
	c.wire.beforeWait = c.out.Flush
	return c
}

// strangerLimits are those of the syntax until a client has signed in: nothing it needs by then is large.
var strangerLimits = imap.Limits{Line: 16 << 10, Literal: 4 << 10, Command: 32 << 10, ListItems: 100, Discard: 256 << 10}

// Drain and Abort are listen.Session's.
func (s *session) Drain() { s.wire.Drain() }
func (s *session) Abort() { s.wire.Abort() }

// goOn tells a client that waits to send its literal.
func (s *session) goOn() error {
	s.out.Continue("go on")
	return s.out.Flush()
}

// Run serves the connection until it ends.
func (s *session) Run() {
	s.o.Observer.SessionStarted()
	defer s.o.Observer.SessionEnded()
	defer s.close()
	defer s.survive()
	if err := s.wire.Handshake(s.o.Limits.Handshake); err != nil {
		s.log.Debug("imap: TLS handshake failed", "err", err)
		return
	}
	s.log.Debug("imap: connected")
	if !s.wire.IsDraining() { // else the greeting is BYE (RFC 9051 7.1.5)
		s.out.Untagged(imap.OK, imap.CodeCapability(s.capabilities()), s.o.Hostname+" Mailmesh IMAP")
	}
	for !s.over && s.out.Err() == nil { // what a client that is gone had pipelined is not carried out
		if s.wire.IsDraining() {
			s.lostConnection(errDraining)
			break
		}
		s.rest()
		if s.attend(); s.over {
			break
		}
		s.in.SetState(s.state())
		request, err := s.in.ReadCommand()
		s.respond(request, err)
	}
}

// respond does what there is to do about a command that was read, or could not be.
func (s *session) respond(request imap.Request, err error) {
	if !s.server.offers.commands[request.Name].waits {
		s.o.Observer.CommandStarted()
		defer s.o.Observer.CommandEnded()
	}
	s.wakeUp()
	s.keepPace()
	if err != nil {
		s.cannotRead(request, err)
	} else {
		s.serve(request)
	}
}

// survive keeps a fault in one session from ending all of them. Nothing that was not answered was promised.
func (s *session) survive() {
	if fault := recover(); fault != nil {
		s.log.Error("imap: panic", "fault", fault, "stack", string(debug.Stack()))
		s.bye(imap.CodeServerBug, "internal fault, logged as session "+s.id)
	}
}

// rest gives the buffers back where the client has not sent its next command yet. The replies go out first.
func (s *session) rest() {
	if s.wire.pending() {
		return
	}
	if s.out.Flush() == nil {
		s.wire.sleep(s.out.SwapBuffer(nil))
	}
}

// wakeUp gives the encoder the buffer that came with a command.
func (s *session) wakeUp() {
	if s.wire.spare != nil && s.out.Buffered() == 0 {
		s.out.SwapBuffer(s.wire.spare)
		s.wire.spare = nil
	}
}

func (s *session) close() {
	s.forget()
	s.end()
	s.out.Flush() // BYE, if there is one; the connection ends either way
	if s.linger {
		s.wire.linger()
	}
	s.wire.Close()
	s.log.Debug("imap: closed")
}

// forget lets go of all that belongs to the client that has signed in.
func (s *session) forget() {
	if s.selected != nil {
		s.unselect()
	}
	s.leaveOthers()
	if s.watch != nil {
		s.watch.Close()
		s.server.shares.leave(s.account)
	}
	s.authenticated = authenticated{}
}

func (s *session) state() imap.State {
	switch {
	case s.account == 0:
		return imap.NotAuthenticated
	case s.selected == nil:
		return imap.Authenticated
	}
	return imap.Selected
}

// bye ends the session with a reason.
func (s *session) bye(code imap.Code, text string) {
	s.out.Untagged(imap.BYE, code, text)
	s.over = true
}

// serve carries a command out and completes it, with what has changed meanwhile before the completion.
func (s *session) serve(request imap.Request) {
	begun, waited := time.Now(), s.wire.waited.Load()
	c := s.server.offers.commands[request.Name]
	s.beginProgress(request.Tag, begun)
	s.cut = 0
	err := s.reconsider()
	if err == nil && s.selected != nil {
		s.prepare(&c, request)
	}
	s.recheck(auth.RecheckEvery)
	r := s.carryOut(&c, request, err)
	if s.selected != nil && !s.over {
		s.report(&c, request)
		s.tellModSeq()
	}
	s.tellEvents()
	// Where the handler has answered itself there is no reply, and BYE is answer enough for a command that failed.
	if r.cond == "" || s.over && r.cond != imap.OK {
		return
	}
	if r.cond == imap.OK && s.cut != 0 {
		s.tellCut(&r)
	}
	if r.cond == imap.OK && r.code == "" && s.behind() {
		r.code = imap.CodeExpungeIssued // RFC 5530: "the client may want to issue NOOP soon"
	}
	s.out.Tagged(request.Tag, r.cond, r.code, r.text)
	if s.farewell != "" {
		s.bye(imap.CodeUnavailable, s.farewell)
	}
	s.count(r.cond)
	took := time.Since(begun) - time.Duration(s.wire.waited.Load()-waited)
	if !c.waits {
		s.o.Observer.Command(request.Name, string(r.cond), took)
	}
	s.log.Debug("imap: command", "name", request.Name, "answer", r.cond, "took", took)
}

// carryOut runs a command, if nothing has failed before it, and makes a reply of its error.
func (s *session) carryOut(c *command, request imap.Request, err error) reply {
	switch {
	case s.over:
		return reply{}
	case s.dialect.UIDOnly && c.numbered(request):
		return uidRequired
	}
	var r reply
	if err == nil {
		r, err = s.run(request)
	}
	if err != nil {
		r = s.failed(request, err)
	}
	return r
}

// count ends a session that sends what is not IMAP, or that does everything but sign in.
func (s *session) count(cond imap.Condition) {
	s.badInARow++
	if cond != imap.BAD {
		s.badInARow = 0
	}
	if s.account == 0 {
		s.strangers++
	}
	switch {
	case s.over:
	case s.badInARow >= s.o.Limits.BadCommands:
		s.linger = true
		s.bye(imap.CodeClientBug, "too many commands in a row that are not IMAP")
	case s.account == 0 && s.strangers >= s.o.Limits.PreauthCommands:
		s.linger = true
		s.bye(imap.CodeClientBug, "too many commands before signing in")
	}
}
