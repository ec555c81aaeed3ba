package imapserver

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// session is one connection. All but Drain and Abort belongs to its goroutine.
type session struct {
	server *Server
	o      *Options
	ctx    context.Context // of the session's work: outlives a drain, ends with the connection
	end    context.CancelFunc
	log    *slog.Logger
	id     string

	wire *wire
	in   *imap.Reader
	out  *imap.Encoder

	dialect   imap.Dialect
	condstore bool // the client understands MODSEQ (RFC 7162 3.1)
	qresync   bool // and VANISHED (RFC 7162 3.2)

	account  mail.AccountID  // 0: not signed in
	watch    *realtime.Watch // of the account
	selected *selected       // nil: no mailbox

	failedSignIns int
	badInARow     int
	over          bool // BYE was said
}

func newSession(ctx context.Context, s *Server, nc net.Conn) *session {
	c := &session{server: s, o: &s.o, id: strings.ToLower(rand.Text()[:12])}
	c.ctx, c.end = context.WithCancel(ctx)
	c.log = s.o.Log.With("session", c.id, "remote", listen.Remote(nc))
	c.wire = &wire{limits: &s.o.Limits, pool: &s.buffers, nc: nc, wait: s.o.Limits.Preauth}
	c.out = imap.NewEncoder(c.wire, nil)
	c.in = imap.NewReader(c.wire, imap.Config{Continue: c.goOn})
	c.wire.beforeWait = c.out.Flush
	return c
}

// Drain and Abort are listen.Session's.
func (s *session) Drain() { s.wire.drain() }
func (s *session) Abort() { s.wire.close() }

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
	if tc, ok := s.wire.nc.(*tls.Conn); ok {
		if err := s.wire.handshake(tc); err != nil {
			s.log.Debug("imap: TLS handshake failed", "err", err)
			return
		}
	}
	s.log.Debug("imap: connected")
	s.out.Untagged(imap.OK, imap.CodeCapability(s.capabilities()), s.o.Hostname+" Mailmesh IMAP")
	for !s.over {
		s.rest()
		s.in.SetState(s.state())
		request, err := s.in.ReadCommand()
		if s.wire.spare != nil {
			s.out.SwapBuffer(s.wire.spare)
			s.wire.spare = nil
		}
		if err != nil {
			s.cannotRead(err)
			continue
		}
		s.serve(request)
	}
	s.out.Flush()
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

func (s *session) close() {
	if s.selected != nil {
		s.unselect()
	}
	if s.watch != nil {
		s.watch.Close()
	}
	s.end()
	s.wire.close()
	s.log.Debug("imap: closed")
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

// cannotRead answers a command that could not be read, or ends the session with its connection.
func (s *session) cannotRead(err error) {
	var bad *imap.Error
	switch {
	case errors.As(err, &bad):
		s.out.Error(bad)
		s.over = bad.Fatal
		s.countBad(bad.Condition == imap.BAD)
	case errors.Is(err, errDraining):
		s.bye(imap.CodeUnavailable, "the server is closing down, come back in a moment")
	case errors.Is(err, errIdle) && s.account == 0:
		s.bye(imap.CodeUnavailable, "no sign-in for too long")
	case errors.Is(err, errIdle):
		s.bye(imap.CodeUnavailable, "nothing was sent for too long")
	default:
		if !errors.Is(err, io.EOF) {
			s.log.Debug("imap: connection lost", "err", err)
		}
		s.over = true
	}
}

func (s *session) countBad(bad bool) {
	if !bad {
		s.badInARow = 0
		return
	}
	if s.badInARow++; s.badInARow >= s.o.Limits.BadCommands && !s.over {
		s.bye(imap.CodeClientBug, "too many commands that are not IMAP")
	}
}

// reply completes a command.
type reply struct {
	cond imap.Condition
	code imap.Code
	text string
}

func ok(text string) reply { return reply{imap.OK, "", text} }

func no(code imap.Code, text string) reply { return reply{imap.NO, code, text} }

func bad(text string) reply { return reply{imap.BAD, "", text} }

// serve carries a command out and completes it, with what has changed meanwhile before the completion.
func (s *session) serve(request imap.Request) {
	begun := time.Now()
	r, err := s.run(request)
	if err != nil {
		r = s.failed(request, err)
	}
	if s.over && r.cond == "" {
		return
	}
	if s.selected != nil && !s.over {
		s.report(request)
	}
	if s.over && r.cond != imap.OK { // the mailbox went away under the command: BYE was its answer
		return
	}
	s.out.Tagged(request.Tag, r.cond, r.code, r.text)
	s.countBad(r.cond == imap.BAD)
	took := time.Since(begun)
	s.o.Observer.Command(request.Name, string(r.cond), took)
	s.log.Debug("imap: command", "name", request.Name, "answer", r.cond, "took", took)
}

// errConnection wraps what ended the connection within a command: there is nobody to answer.
var errConnection = errors.New("the connection ended")

// failed is the one place where errors of the rooms become replies.
func (s *session) failed(request imap.Request, err error) reply {
	var syntax *imap.Error
	if errors.As(err, &syntax) {
		s.over = syntax.Fatal
		if syntax.Fatal {
			s.out.Error(syntax)
			return reply{}
		}
		return reply{syntax.Condition, syntax.Code, syntax.Text}
	}
	if errors.Is(err, errConnection) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errIdle) {
		s.over = true
		return reply{}
	}
	text := cause(err)
	switch mail.KindOf(err) {
	case mail.Invalid:
		return no(imap.CodeCannot, text)
	case mail.NotFound:
		return no(imap.CodeNonExistent, text)
	case mail.Exists:
		return no(imap.CodeAlreadyExists, text)
	case mail.Denied:
		return no(imap.CodeNoPerm, text)
	case mail.OverQuota:
		return no(imap.CodeOverQuota, text)
	case mail.TooLarge:
		return no(imap.CodeTooBig, text)
	case mail.Limit:
		return no(imap.CodeLimit, text)
	case mail.Disabled:
		return no(imap.CodeContactAdmin, text)
	case mail.Conflict, mail.Gone, mail.Unavailable:
		s.log.Warn("imap: temporary failure", "command", request.Name, "account", s.account, "err", err)
		return no(imap.CodeUnavailable, "this cannot be done right now, try again")
	}
	s.log.Error("imap: internal fault", "command", request.Name, "account", s.account, "err", err)
	return no(imap.CodeServerBug, "internal fault, logged as session "+s.id)
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

// run carries a command out. Reader has checked that the state allows it.
func (s *session) run(request imap.Request) (reply, error) {
	switch c := request.Command.(type) {
	case imap.Capability:
		s.out.Capability(s.capabilities())
		return ok("these are my capabilities"), nil
	case imap.Noop, imap.Check:
		return ok("done"), nil
	case imap.Logout:
		s.bye("", "good bye")
		return ok("logged out"), nil
	case imap.ID:
		return s.identify(c), nil
	case imap.Enable:
		return s.enable(c), nil
	case imap.StartTLS:
		return s.startTLS(request.Tag)
	case imap.Login:
		return s.login(c)
	case imap.Authenticate:
		return s.authenticate(c)
	case imap.Namespace:
		s.out.Namespace([]imap.NamespaceEntry{{Prefix: "", Delimiter: delimiter}}, nil, nil)
		return ok("there is one namespace"), nil
	}
	if r, err, done := s.runMailboxes(request); done {
		return r, err
	}
	return s.runSelected(request)
}

// runMailboxes carries out the commands about mailboxes as a whole.
func (s *session) runMailboxes(request imap.Request) (r reply, err error, done bool) {
	switch c := request.Command.(type) {
	case imap.List:
		r, err = s.list(c)
	case imap.Lsub:
		r, err = s.lsub(c)
	case imap.Status:
		r, err = s.status(c)
	case imap.Create:
		r, err = s.create(c)
	case imap.Delete:
		r, err = s.delete(c)
	case imap.Rename:
		r, err = s.rename(c)
	case imap.Subscribe:
		r, err = s.subscribe(c.Mailbox, true)
	case imap.Unsubscribe:
		r, err = s.subscribe(c.Mailbox, false)
	case imap.Select:
		r, err = s.selectMailbox(c)
	case *imap.Append:
		r, err = s.append(c)
	case imap.Idle:
		r, err = s.idle()
	default:
		return reply{}, nil, false
	}
	return r, err, true
}

// runSelected carries out the commands of the selected state.
func (s *session) runSelected(request imap.Request) (reply, error) {
	switch c := request.Command.(type) {
	case imap.Close:
		return s.closeMailbox()
	case imap.Unselect:
		s.unselect()
		return ok("no mailbox is selected"), nil
	case imap.Expunge:
		return s.expunge(c)
	case imap.Search:
		return s.search(request.Tag, c)
	case imap.Fetch:
		return s.fetch(c)
	case imap.Store:
		return s.store(c)
	case imap.Copy:
		return s.copy(c)
	case imap.Move:
		return s.move(c)
	}
	return bad("this command is not known here"), nil
}
