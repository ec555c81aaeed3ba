package method

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Options of a run.
type Options struct {
	// Account finds the account that an id names if the user may see anything there: else the error is accountNotFound.
	Account func(ctx context.Context, u *User, id string) (Access, error)
	Log     *slog.Logger // nil discards
	// Called is told of each call: the method ("unknown" for all that there are not), "ok" or the type of the error, and how long it
	// took. It may be nil.
	Called func(name, result string, took time.Duration)
}

// batch is what the calls of one request share.
type batch struct {
	registry  *Registry
	user      *User
	o         Options
	using     map[string]bool
	created   map[string]string // creation id to id
	accounts  map[string]found
	follow    []following
	responses []Invocation
	size      int   // of the responses
	work      int64 // bytes that were read for them
}

type following struct {
	name string
	args any
}

type found struct {
	access Access
	err    error
}

// Run carries out the calls of a request in their order (RFC 8620 3.10), each on what the server holds when its turn comes. It
// returns a Problem when none was carried out, and the cause when ctx is cancelled: the client has gone. Where its time ends first, the
// calls that are left are answered serverUnavailable, since those before may have changed something.
func (r *Registry) Run(ctx context.Context, u *User, req *Request, o Options) (*Response, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &batch{registry: r, user: u, o: o, using: map[string]bool{}, created: map[string]string{}, accounts: map[string]found{}}
	for _, capability := range req.Using {
		if !r.has(capability) {
			return nil, Refuse(UnknownCapability, "this server does not have the capability %.200q", capability)
		}
		b.using[capability] = true
	}
	for creation, id := range req.Created {
		b.created[creation] = id
	}
	for _, call := range req.Calls {
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			b.fail(call, errLate, 0)
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		default:
			b.call(ctx, call, 0)
		}
	}
	out := &Response{Responses: b.responses}
	if req.Created != nil {
		out.Created = b.created
	}
	return out, nil
}

// call carries out one call, and those that follow from it.
func (b *batch) call(ctx context.Context, inv Invocation, depth int) {
	b.follow = nil
	begun := time.Now()
	response, err := b.perform(ctx, inv)
	if err != nil {
		b.fail(inv, b.failure(ctx, inv, err), time.Since(begun))
		return
	}
	b.observe(inv.Name, "ok", time.Since(begun))
	b.respond(Invocation{inv.Name, response, inv.ID})
	for _, f := range b.follow {
		args, err := ijson.Marshal(f.args)
		if err != nil || depth == maxFollow {
			b.o.Log.Error("a JMAP call cannot be followed by another", "method", inv.Name, "next", f.name, "err", err)
			return
		}
		b.call(ctx, Invocation{f.name, args, inv.ID}, depth+1)
	}
}

// fail answers a call that failed.
func (b *batch) fail(inv Invocation, told *Error, took time.Duration) {
	b.observe(inv.Name, string(told.Type), took)
	failure, err := ijson.Marshal(told)
	if err != nil {
		failure = ijson.Value(`{"type":"serverFail"}`)
	}
	b.respond(Invocation{"error", failure, inv.ID})
}

func (b *batch) observe(name, result string, took time.Duration) {
	if _, known := b.registry.methods[name]; !known {
		name = "unknown" // clients do not make names of metrics
	}
	if b.o.Called != nil {
		b.o.Called(name, result, took)
	}
}

func (b *batch) respond(inv Invocation) {
	b.responses = append(b.responses, inv)
	b.size += len(inv.Args)
}

// perform carries out a call and writes its response.
func (b *batch) perform(ctx context.Context, inv Invocation) (ijson.Value, error) {
	m, known := b.registry.methods[inv.Name]
	switch {
	case !known:
		return nil, Fail(UnknownMethod, "there is no method %.100q", inv.Name)
	case !b.using[m.Capability]:
		return nil, Fail(UnknownMethod, "%s is a method of %s, which the request does not name in \"using\"", inv.Name, m.Capability)
	case m.Needs&^b.user.Scope != 0:
		return nil, Fail(Forbidden, "what you have signed in with does not allow %s", inv.Name)
	case b.size > MaxSizeResponse:
		return nil, Fail(RequestTooLarge, "the calls before have filled the response: ask in a further request")
	}
	args, err := b.resolve(inv.Args)
	if err != nil {
		return nil, err
	}
	result, err := invoke(ctx, m.Run, &Call{Name: inv.Name, ID: inv.ID, Args: args, User: b.user, batch: b})
	if err != nil {
		return nil, err
	}
	response, err := ijson.Append(nil, result)
	if err == nil && len(response) > MaxSizeResponse && m.Needs == Read {
		return nil, Fail(RequestTooLarge, "the response would have more than %d bytes: ask for less", MaxSizeResponse)
	}
	return response, err
}

// errPanic is the end of a call through a fault of ours. The other calls of the request go on.
var errPanic = errors.New("a fault in the server")

func invoke(ctx context.Context, run Func, c *Call) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return run(ctx, c)
}

// errLate is the error of calls that are not done when the time of a request ends.
var errLate = Fail(ServerUnavailable, "the request has taken too long: ask for less at a time")

// failure is what a client is told of an error.
func (b *batch) failure(ctx context.Context, inv Invocation, err error) *Error {
	var told *Error
	if errors.As(err, &told) {
		return told
	}
	told, ok := ErrorOf(err)
	switch {
	case ok:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errLate
	case ctx.Err() == nil:
		b.o.Log.Error("a JMAP call failed", "method", inv.Name, "account", b.user.Account, "session", b.user.Session, "err", err)
	}
	return told
}

// account finds an account, once in a request.
func (b *batch) account(ctx context.Context, u *User, id string) (Access, error) {
	f, known := b.accounts[id]
	if !known {
		f.access, f.err = b.o.Account(ctx, u, id)
		b.accounts[id] = f
	}
	return f.access, f.err
}

// Room is how many bytes the responses of the request may still have. A method whose response may be large ends there, with
// requestTooLarge, before it has it all in memory.
func (c *Call) Room() int { return max(0, MaxSizeResponse-c.batch.size) }

// Work is called before bytes of bodies are read. A request that makes the server read more than MaxWork of them, because it names a
// large one hundreds of times, ends with requestTooLarge there.
func (c *Call) Work(bytes int64) error {
	if c.batch.work += bytes; c.batch.work > MaxWork {
		return Fail(RequestTooLarge, "the request makes the server read more than %d bytes: ask for less at a time", MaxWork)
	}
	return nil
}

// whatIsWrong is an error of reading JSON, for a person.
func whatIsWrong(err error) error { return errors.New(strings.TrimPrefix(err.Error(), "json: ")) }
