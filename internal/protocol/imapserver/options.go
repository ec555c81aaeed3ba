package imapserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options are what a Server is made of.
type Options struct {
	Hostname  string
	JMAP      string      // URL of the JMAP session; "": there is no such door
	TLS       *tls.Config // nil: neither STARTTLS nor implicit TLS
	Tx        *tx.Store
	Auth      *auth.Store
	Mailbox   *mailbox.Store
	Bodies    *bodies.Store
	Finder    *finding.Finder
	Realtime  *realtime.Realtime
	Directory *directory.Store
	Limits    Limits
	Observer  Observer     // may be nil
	Log       *slog.Logger // may be nil
	Gate      *listen.Gate // nil: the door is never out of service
}

// Limits bound what a client can make us do. Zero means the default. Those of the syntax are rfc/imap's.
type Limits struct {
	MessageSize        int64         // bytes of one appended message; 50 MiB
	AppendBytes        int           // held of the messages of one APPEND until all have come; 16 MiB
	Connections        int           // in all; 20,000
	ConnectionsPerHost int           // of one IPv4 address or IPv6 /64; 500
	SignIns            int           // failed ones of one connection; 3
	BadCommands        int           // in a row; 20
	PreauthCommands    int           // before signing in; 50
	CommandRate        int           // commands a second of one account, in all its sessions; 1,000
	CommandBurst       int           // commands above the rate that are answered at once; 10,000
	Handshake          time.Duration // of TLS; 30 s
	Preauth            time.Duration // from the start until a client has signed in; 2 min
	Idle               time.Duration // waiting for a command, or in IDLE; 30 min
	Stall              time.Duration // waiting for the rest of a command; 5 min
	Write              time.Duration // waiting for the client to take our replies; 1 min
	Drain              time.Duration // for commands under way when the server stops; 10 s
	Messages           int           // that one command may be about (MESSAGELIMIT); 10,000,000
	Saved              int           // messages that one APPEND or COPY may save (SAVELIMIT); 1,000,000
	Progress           time.Duration // between two words about a command that lasts; 10 s
	SearchBytes        int64         // of content that one SEARCH may look through, keys that look elsewhere counted small; 8 GiB
	SortBytes          int64         // that a SORT or THREAD may hold to put messages in order; 64 MiB
	Updates            int           // searches of one session that are updated (RFC 5267); 10
	ContentKeys        int           // search keys of one command that look into content; 50
	ContentItems       int           // items of one FETCH that are made from content; 200
	Lists              int           // LIST, LSUB and XLIST of one account at a time; 8
	EventLines         int           // of the change log, and names of annotations, that NOTIFY takes in at a time; 50,000
	Others             int           // mailboxes of other accounts that a NOTIFY watches; 1,000
	Patterns           int           // octets of the patterns of one LIST; 8,192
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (l *Limits) setDefaults() {
	orDefault(&l.MessageSize, 50<<20)
	orDefault(&l.AppendBytes, 16<<20)
	orDefault(&l.Connections, 20_000)
	orDefault(&l.ConnectionsPerHost, 500)
	orDefault(&l.SignIns, 3)
	orDefault(&l.BadCommands, 20)
	orDefault(&l.PreauthCommands, 50)
	orDefault(&l.CommandRate, 1000)
	orDefault(&l.CommandBurst, 10_000)
	orDefault(&l.Handshake, 30*time.Second)
	orDefault(&l.Preauth, 2*time.Minute)
	orDefault(&l.Idle, 30*time.Minute)
	orDefault(&l.Stall, 5*time.Minute)
	orDefault(&l.Write, time.Minute)
	orDefault(&l.Drain, 10*time.Second)
	orDefault(&l.Messages, 10_000_000)
	orDefault(&l.Saved, 1_000_000)
	orDefault(&l.Progress, 10*time.Second)
	orDefault(&l.SearchBytes, 8<<30)
	orDefault(&l.SortBytes, 64<<20)
	orDefault(&l.Updates, 10)
	orDefault(&l.ContentKeys, 50)
	orDefault(&l.ContentItems, 200)
	orDefault(&l.Lists, 8)
	orDefault(&l.EventLines, 50_000)
	orDefault(&l.Others, 1000)
	orDefault(&l.Patterns, 8192)
}

// Observer counts what happens; node gives one that fills metrics. Its methods are called by many sessions at a time.
type Observer interface {
	SessionStarted()
	SessionEnded()
	// CommandStarted, CommandEnded: one is carried out meanwhile. IDLE is not told.
	CommandStarted()
	CommandEnded()
	SignedIn(mechanism string)
	SignInFailed(mechanism string, why mail.Kind)
	// TurnedAway: a connection was, at the door.
	TurnedAway(why string)
	// Command: one was answered OK, NO or BAD after so long, without the time that the client took to send and to receive.
	// IDLE is not told. The name is one of a fixed set.
	Command(name, condition string, took time.Duration)
	// Told: a session in IDLE was told of a change, so long after its commit.
	Told(after time.Duration)
}

type noObserver struct{}

func (noObserver) SessionStarted()                       {}
func (noObserver) SessionEnded()                         {}
func (noObserver) CommandStarted()                       {}
func (noObserver) CommandEnded()                         {}
func (noObserver) SignedIn(string)                       {}
func (noObserver) SignInFailed(string, mail.Kind)        {}
func (noObserver) TurnedAway(string)                     {}
func (noObserver) Command(string, string, time.Duration) {}
func (noObserver) Told(time.Duration)                    {}

func (o *Options) check() error {
	for name, missing := range map[string]bool{"Tx": o.Tx == nil, "Auth": o.Auth == nil, "Mailbox": o.Mailbox == nil,
		"Bodies": o.Bodies == nil, "Finder": o.Finder == nil, "Realtime": o.Realtime == nil, "Directory": o.Directory == nil} {
		if missing {
			return fmt.Errorf("no %s", name)
		}
	}
	if o.Hostname == "" {
		return errors.New("no host name")
	}
	return nil
}
