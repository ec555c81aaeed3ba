package pop3server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options are what a Server is made of.
type Options struct {
	Hostname string
	TLS      *tls.Config // nil: neither STLS nor implicit TLS
	Tx       *tx.Store
	Auth     *auth.Store
	Mailbox  *mailbox.Store
	Bodies   *bodies.Store
	Limits   Limits
	Observer Observer     // may be nil
	Log      *slog.Logger // may be nil
	Gate     *listen.Gate // nil: the door is never out of service
}

// Limits bound what a client can make us do. Zero means the default.
type Limits struct {
	Connections        int           // in all; 10,000
	ConnectionsPerHost int           // of one IPv4 address or IPv6 /64; 200
	SignIns            int           // failed ones of one connection; 3
	BadCommands        int           // in a row; 20
	PreauthCommands    int           // before signing in; 50
	Handshake          time.Duration // of TLS; 30 s
	Preauth            time.Duration // from the start until a client has signed in; 10 min
	Idle               time.Duration // waiting for a command; 10 min (RFC 1939 3 asks for so much)
	Line               time.Duration // for a line that has begun to be whole; 1 min
	Write              time.Duration // waiting for the client to take our replies; 1 min
	Drain              time.Duration // for the command under way when the server stops; 10 s
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (l *Limits) setDefaults() {
	orDefault(&l.Connections, 10_000)
	orDefault(&l.ConnectionsPerHost, 200)
	orDefault(&l.SignIns, 3)
	orDefault(&l.BadCommands, 20)
	orDefault(&l.PreauthCommands, 50)
	orDefault(&l.Handshake, 30*time.Second)
	orDefault(&l.Preauth, 10*time.Minute)
	orDefault(&l.Idle, 10*time.Minute)
	orDefault(&l.Line, time.Minute)
	orDefault(&l.Write, time.Minute)
	orDefault(&l.Drain, 10*time.Second)
}

// Observer counts what happens; node gives one that fills metrics. Its methods are called by many sessions at a time.
type Observer interface {
	SessionStarted()
	SessionEnded()
	// CommandStarted, CommandEnded: one is carried out meanwhile.
	CommandStarted()
	CommandEnded()
	SignedIn(mechanism string)
	SignInFailed(mechanism string, why mail.Kind)
	// TurnedAway: a connection was, at the door.
	TurnedAway(why string)
	// Command: one was answered +OK or -ERR after so long, not counting how long the client was waited for. The name is
	// one of a fixed set.
	Command(name string, ok bool, took time.Duration)
	// Retrieved: so many octets of messages were sent, and so many messages deleted, by a session that ended.
	Retrieved(octets int64, deleted int)
}

type noObserver struct{}

func (noObserver) SessionStarted()                     {}
func (noObserver) SessionEnded()                       {}
func (noObserver) CommandStarted()                     {}
func (noObserver) CommandEnded()                       {}
func (noObserver) SignedIn(string)                     {}
func (noObserver) SignInFailed(string, mail.Kind)      {}
func (noObserver) TurnedAway(string)                   {}
func (noObserver) Command(string, bool, time.Duration) {}
func (noObserver) Retrieved(int64, int)                {}

func (o *Options) check() error {
	for name, missing := range map[string]bool{"Tx": o.Tx == nil, "Auth": o.Auth == nil, "Mailbox": o.Mailbox == nil, "Bodies": o.Bodies == nil} {
		if missing {
			return fmt.Errorf("no %s", name)
		}
	}
	if o.Hostname == "" {
		return errors.New("no host name")
	}
	return nil
}
