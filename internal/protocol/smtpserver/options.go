package smtpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// Inbound is the room behind the door: it decides on recipients and keeps the mail.
//
// An error that is (or wraps) a mail.Reply is sent as it stands; other errors are translated by their mail.Kind (see
// the package's table), and those without a reply of their own are logged with their cause and answered 451 4.3.0.
type Inbound interface {
	// Recipient decides whether to accept one more recipient, and returns it as it is to stand in the envelope: with the
	// same address (the bare postmaster may get a domain), and with what was found out about it. e is the transaction so far: it holds the recipients
	// accepted before this one, and must not be kept or changed. The same address may come twice. An address without a
	// domain is the bare postmaster (RFC 5321 4.5.1).
	Recipient(ctx context.Context, s smtp.Session, e *mail.Envelope, r mail.Recipient) (mail.Recipient, error)

	// Receive reads the content to io.EOF and keeps it. It returns when everything is durable, with one outcome for each
	// of e.Recipients in their order, or with an error that stands for all of them: then nothing was kept.
	//
	// The content is what the client sent, CRLF lines without dot-stuffing, and no trace field yet. When reading it
	// fails (the client is gone, the message is too large, a line end is wrong), Receive returns that error and keeps
	// nothing; the door knows the reason itself.
	//
	// SMTP has one reply for all recipients: any outcome Deferred makes it that 4yz and the client will send the message
	// to all of them again; else any Delivered makes it 250, and Receive owes a failure report for those Refused.
	Receive(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error)
}

// Senders decides who may send. It belongs to the room behind a door of the mode Submission.
type Senders interface {
	// Sender decides whether who has signed in may open a transaction with this envelope, which has no recipients yet. It
	// may lower e.Priority (RFC 6710 4.3) and changes nothing else.
	Sender(ctx context.Context, s smtp.Session, e *mail.Envelope) error
}

// Mode is the kind of door.
type Mode string

const (
	MX         Mode = "smtp"       // RFC 5321, port 25: mail from other hosts
	LMTP       Mode = "lmtp"       // RFC 2033: mail from a mail server beside us, one reply a recipient
	Submission Mode = "submission" // RFC 6409, ports 587 and, with TLS from the start, 465: mail from our users, who sign in
)

// Observer counts what happens; node gives one that fills metrics. Its methods are called by many sessions at a time.
type Observer interface {
	SessionStarted(m Mode)
	SessionEnded(m Mode)
	// CommandStarted, CommandEnded: one is carried out meanwhile, which for DATA and BDAT is also while the message comes.
	CommandStarted(m Mode)
	CommandEnded(m Mode)
	// Accepted: a message was answered 2yz for so many recipients; took is the time from its last byte to the reply.
	Accepted(m Mode, recipients int, size int64, took time.Duration)
	// Refused: a command was answered 4yz or 5yz. The command is one of a fixed set ("" before any, "other" when unknown);
	// code and enhanced code are the reason.
	Refused(m Mode, command string, r mail.Reply)
	SignedIn(m Mode, mechanism string)
	SignInFailed(m Mode, mechanism string, why mail.Kind)
}

// Options are what a Server is made of.
type Options struct {
	Mode     Mode
	Hostname string      // our name in the greeting and in replies
	TLS      *tls.Config // nil: no STARTTLS; Submission cannot do without
	Inbound  Inbound
	Senders  Senders     // with Submission only
	Auth     *auth.Store // with Submission only
	Limits   Limits
	Observer Observer     // may be nil
	Log      *slog.Logger // may be nil
	Gate     *listen.Gate // nil: the door is never out of service

	// KeepBareNewlines accepts content in which a CR or an LF stands alone, byte for byte. Only for LMTP from a mail
	// server beside us, and for tests: such content is ambiguous to whoever reads it next (RFC 5321 2.3.8). Where a message
	// ends is never in doubt: CR LF "." CR LF.
	KeepBareNewlines bool

	// NewID makes transaction and session ids: short, unique, made of letters and digits. Nil: random.
	NewID func() string
}

// Limits bound what a client can make us do. Zero means the default.
type Limits struct {
	MessageSize int64 // bytes of content; 50 MiB
	Recipients  int   // of a transaction; 1,000

	Errors   int // commands answered 5yz, each accepted message forgives one; 20
	Commands int // commands since the last accepted message, MAIL, RCPT, DATA and BDAT not counted; 100
	// CommandRate is how many commands a second are answered between two accepted messages; more wait. 500
	CommandRate int

	SignIns            int           // failed ones of one connection; 3
	Recheck            time.Duration // how long a sign-in that was taken away is still good; 1 min
	Connections        int           // in all; 1,000
	ConnectionsPerHost int           // of one IPv4 address or IPv6 /64; 100

	// Hold is for how long a client may ask to hold a message (FUTURERELEASE); 30 days. DKIM keys that were replaced stay
	// published for as long.
	Hold time.Duration

	Idle         time.Duration // waiting for a whole command or for more content; 5 min (RFC 5321 4.5.3.2.7)
	TLSHandshake time.Duration // 30 s
	Write        time.Duration // waiting for the client to take our replies; 1 min
	// A message must come with MinDataRate bytes a second on average, once DataGrace has passed; the time counts that the
	// client was waited for. 512 B/s, 3 min
	MinDataRate int
	DataGrace   time.Duration
	// Drain is how long messages under way may take after shutdown was asked for; 30 s
	Drain time.Duration
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (l *Limits) setDefaults() {
	orDefault(&l.MessageSize, 50<<20)
	orDefault(&l.Recipients, 1000)
	orDefault(&l.Errors, 20)
	orDefault(&l.Commands, 100)
	orDefault(&l.CommandRate, 500)
	orDefault(&l.SignIns, 3)
	orDefault(&l.Recheck, time.Minute)
	orDefault(&l.Hold, 30*24*time.Hour)
	orDefault(&l.Connections, 1000)
	orDefault(&l.ConnectionsPerHost, 100)
	orDefault(&l.Idle, 5*time.Minute)
	orDefault(&l.TLSHandshake, 30*time.Second)
	orDefault(&l.Write, time.Minute)
	orDefault(&l.MinDataRate, 512)
	orDefault(&l.DataGrace, 3*time.Minute)
	orDefault(&l.Drain, 30*time.Second)
}

// minRecipients is what RFC 5321 4.5.3.1.8 asks for: a server must take 100 recipients.
const minRecipients = 100

func (o *Options) check() error {
	switch {
	case o.Mode != MX && o.Mode != LMTP && o.Mode != Submission:
		return fmt.Errorf("mode %q is not one of %q, %q, %q", o.Mode, MX, LMTP, Submission)
	case o.Mode == Submission && (o.Senders == nil || o.Auth == nil || o.TLS == nil):
		return errors.New("submission needs Senders, Auth and TLS")
	case o.Inbound == nil:
		return errors.New("no Inbound")
	case o.Hostname == "" || strings.ContainsAny(o.Hostname, " \t\r\n"):
		return fmt.Errorf("host name %q is not a domain name", o.Hostname)
	case o.Limits.Recipients < minRecipients:
		return fmt.Errorf("the limit of %d recipients is below the %d of RFC 5321 4.5.3.1.8", o.Limits.Recipients, minRecipients)
	}
	return nil
}

type noObserver struct{}

func (noObserver) SessionStarted(Mode)                      {}
func (noObserver) SessionEnded(Mode)                        {}
func (noObserver) CommandStarted(Mode)                      {}
func (noObserver) CommandEnded(Mode)                        {}
func (noObserver) Accepted(Mode, int, int64, time.Duration) {}
func (noObserver) Refused(Mode, string, mail.Reply)         {}
func (noObserver) SignedIn(Mode, string)                    {}
func (noObserver) SignInFailed(Mode, string, mail.Kind)     {}
