package smtpserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	foreign "github.com/xdg-go/scram"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/test/dialogues"
)

// The dialogues of submission run against the real rooms: ann, whose password is "correct horse", bob, the aliases a of ann
// and team of both.
func TestDialoguesSubmission(t *testing.T) {
	for name, engine := range map[string]func(testing.TB, fs.FS) dbtest.Open{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			dialogues.RunAll(t, "../../../test/dialogues/submission/*.dialogue", func(t *testing.T) dialogues.Options {
				t.Parallel()
				s := serveUsers(t, engine(t, schema.Files)())
				return dialogues.Options{Dial: s.dial, Timeout: 5 * time.Second, Do: map[string]func([]string) error{
					"inbox": s.doInbox, "owed": s.doOwed, "sent": s.doSent, "notsent": s.doNotSent, "envelope": s.doEnvelope,
					"limit": s.doLimit, "disable": s.doDisable, "apppassword": s.doAppPassword, "cancel": s.doCancel,
				}}
			})
		})
	}
}

// users is a server for users, at both of its doors.
type users struct {
	*mailflowtest.Rooms
	*fixture
	secure   *listentest.Pipes
	accounts map[string]mail.AccountID
}

func serveUsers(t testing.TB, d *db.DB) *users {
	r := mailflowtest.New(t, d, mailflowtest.Options{})
	s := &users{Rooms: r, secure: listentest.NewPipes(), accounts: map[string]mail.AccountID{"ann": r.Account("ann"), "bob": r.Account("bob")}}
	r.Must(r.Provision.SetPassword(t.Context(), mailflowtest.Address("ann"), "correct horse"))
	r.Alias("a", "ann")
	r.Alias("team", "ann", "bob")
	o := Options{Mode: Submission, TLS: serverTLS(), Inbound: r.Submission, Senders: r.Submission, Auth: r.Auth,
		Limits: Limits{MessageSize: 100_000, Recipients: 100}}
	s.fixture = start(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.fixture.server.ServeTLS(ctx, s.secure) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *users) dial(_ context.Context, protocol string) (net.Conn, error) {
	if protocol != "submissions" {
		return s.fixture.Dial("192.0.2.1:1025")
	}
	nc, err := s.secure.Dial("192.0.2.1:1025")
	if err != nil {
		return nil, err
	}
	return tls.Client(nc, &tls.Config{InsecureSkipVerify: true}), nil
}

// doInbox: do inbox NAME N
func (s *users) doInbox(words []string) error {
	if got := len(s.Inbox(s.accounts[words[0]])); strconv.Itoa(got) != words[1] {
		return fmt.Errorf("%s has %d messages", words[0], got)
	}
	return nil
}

// doOwed: do owed N, messages in the spool
func (s *users) doOwed(words []string) error {
	if got := len(s.Owing()); strconv.Itoa(got) != words[0] {
		return fmt.Errorf("%d messages are owed", got)
	}
	return nil
}

func (s *users) last() (mailflowtest.Owed, error) {
	owing := s.Owing()
	if len(owing) == 0 {
		return mailflowtest.Owed{}, errors.New("nothing is owed")
	}
	return owing[len(owing)-1], nil
}

// doSent: do sent TEXT, the last message in the spool holds it; doNotSent: it does not
func (s *users) doSent(words []string) error {
	m, err := s.last()
	if text := strings.Join(words, " "); err == nil && !strings.Contains(m.Content, text) {
		return fmt.Errorf("%q is not in %s", text, m.Content)
	}
	return err
}

func (s *users) doNotSent(words []string) error {
	m, err := s.last()
	if text := strings.Join(words, " "); err == nil && strings.Contains(m.Content, text) {
		return fmt.Errorf("%q is in %s", text, m.Content)
	}
	return err
}

// doEnvelope: do envelope FACT ..., all of them of the last message in the spool; times count from its arrival
func (s *users) doEnvelope(words []string) error {
	m, err := s.last()
	if err != nil {
		return err
	}
	e := m.Envelope
	var have []string
	add := func(is bool, format string, args ...any) {
		if is {
			have = append(have, fmt.Sprintf(format, args...))
		}
	}
	after := func(at time.Time) int { return int(at.Sub(m.Created).Round(5*time.Second) / time.Second) }
	add(e.HoldUntil.After(m.Created), "hold=%d", after(e.HoldUntil))
	add(!e.DeliverBy.Time.IsZero(), "by=%d", after(e.DeliverBy.Time))
	add(e.DeliverBy.Return, "return")
	add(e.DeliverBy.Trace, "trace")
	add(e.Priority != 0, "priority=%d", e.Priority)
	add(e.RequireTLS, "requiretls")
	add(!e.Recipients[0].Address.IsASCII(), "to=%s", e.Recipients[0].Address)
	add(e.SMTPUTF8, "smtputf8")
	if !slices.Equal(have, words) {
		return fmt.Errorf("the envelope has %q", have)
	}
	return nil
}

// doLimit: do limit NAME RECIPIENTS STRANGERS
func (s *users) doLimit(words []string) error {
	recipients, err1 := strconv.Atoi(words[1])
	strangers, err2 := strconv.Atoi(words[2])
	return errors.Join(err1, err2, s.Tx.Write(context.Background(), []mail.AccountID{s.accounts[words[0]]}, func(t *tx.Tx) error {
		return s.Submissions.SetSending(t, s.accounts[words[0]], submissions.Sending{MaxRecipients: recipients, MaxStrangers: strangers})
	}))
}

// doDisable: do disable NAME
func (s *users) doDisable(words []string) error {
	off := true
	_, err := s.Provision.ChangeAccount(context.Background(), mailflowtest.Address(words[0]), provision.AccountChange{Disabled: &off})
	return err
}

// doAppPassword: do apppassword NAME
func (s *users) doAppPassword(words []string) error {
	_, _, err := s.Provision.AddAppPassword(context.Background(), mailflowtest.Address(words[0]), "phone")
	return err
}

// doCancel: do cancel NAME, takes back what was submitted last
func (s *users) doCancel(words []string) error {
	list, _ := s.Submitted(s.accounts[words[0]])
	done, err := s.Submission.Cancel(context.Background(), s.accounts[words[0]], list[0].ID)
	if err == nil && len(done.Late) > 0 {
		err = fmt.Errorf("too late for %v", done.Late)
	}
	return err
}

// user is a client over TLS from the start.
type user struct {
	t  *testing.T
	nc *tls.Conn
	r  *bufio.Reader
}

func (s *users) connect(t *testing.T) *user {
	t.Helper()
	nc, err := s.dial(t.Context(), "submissions")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	u := &user{t, nc.(*tls.Conn), bufio.NewReader(nc)}
	u.hear("220 ")
	u.say("EHLO client.example")
	u.hear("250 ")
	return u
}

func (u *user) say(line string) {
	u.t.Helper()
	if _, err := u.nc.Write([]byte(line + "\r\n")); err != nil {
		u.t.Fatal(err)
	}
}

// hear skips the lines of one reply up to its last, which begins so.
func (u *user) hear(prefix string) string {
	u.t.Helper()
	for {
		line, err := u.r.ReadString('\n')
		if err != nil {
			u.t.Fatal(err)
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if !strings.HasPrefix(line, prefix) {
			u.t.Fatalf("the server says %q, want %q", line, prefix)
		}
		return strings.TrimSpace(line)
	}
}

// scram runs an exchange with a client that others wrote, up to a reply that begins so.
func (u *user) scram(mechanism, password string, binding foreign.ChannelBinding, want string) {
	u.t.Helper()
	client, err := foreign.SHA256.NewClient("ann@example.org", password, "")
	if err != nil {
		u.t.Fatal(err)
	}
	talk := client.NewConversation()
	if binding.Type != foreign.ChannelBindingNone {
		talk = client.NewConversationWithChannelBinding(binding)
	}
	first, err := talk.Step("")
	if err != nil {
		u.t.Fatal(err)
	}
	u.say("AUTH " + mechanism + " " + base64.StdEncoding.EncodeToString([]byte(first)))
	for {
		line := u.hear("")
		challenge, more := strings.CutPrefix(line, "334 ")
		if !more {
			if !strings.HasPrefix(line, want) {
				u.t.Fatalf("%s: the server says %q, want %q", mechanism, line, want)
			}
			return
		}
		text, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			u.t.Fatalf("challenge %q", line)
		}
		response, err := talk.Step(string(text))
		if err != nil { // the client is not convinced
			u.say("*")
			continue
		}
		u.say(base64.StdEncoding.EncodeToString([]byte(response)))
	}
}

// A proof is bound to the connection it was made for, by either kind of binding.
func TestSubmissionSCRAM(t *testing.T) {
	s := serveUsers(t, dbtest.OnSQLite(t, schema.Files)())
	_, password, err := s.Provision.AddAppPassword(t.Context(), mailflowtest.Address("ann"), "phone")
	s.Must(err)
	bindings := func(u *user) []sasl.Binding {
		state := u.nc.ConnectionState()
		return sasl.Bindings(&state, state.PeerCertificates[0])
	}
	u := s.connect(t)
	u.scram(sasl.SCRAMSHA256Plus, password, foreign.ChannelBinding{Type: foreign.ChannelBindingTLSExporter, Data: bindings(u)[0].Data}, "235 2.7.0")
	u.say("MAIL FROM:<ann@example.org>")
	u.hear("250 2.1.0")
	u = s.connect(t)
	u.scram(sasl.SCRAMSHA256Plus, password, foreign.ChannelBinding{Type: foreign.ChannelBindingTLSServerEndpoint, Data: bindings(u)[1].Data}, "235 2.7.0")
	u = s.connect(t)
	u.scram(sasl.SCRAMSHA256, password, foreign.ChannelBinding{}, "235 2.7.0")
	u = s.connect(t)
	u.scram(sasl.SCRAMSHA256Plus, password, foreign.ChannelBinding{Type: foreign.ChannelBindingTLSExporter, Data: make([]byte, 32)}, "535 5.7.8")
	u.say("MAIL FROM:<ann@example.org>")
	u.hear("530 5.7.0")
	if got, want := s.counter.signIns, []string{"SCRAM-SHA-256-PLUS ok", "SCRAM-SHA-256-PLUS ok", "SCRAM-SHA-256 ok", "SCRAM-SHA-256-PLUS denied"}; !slices.Equal(got, want) {
		t.Errorf("counted are %q", got)
	}
}

// A sign-in ends when its password was changed; a store that cannot answer ends none.
func TestSignInIsChecked(t *testing.T) {
	s := serveUsers(t, dbtest.OnSQLite(t, schema.Files)())
	s.fixture.server.o.Limits.Recheck = 1
	u := s.connect(t)
	u.say("AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBjb3JyZWN0IGhvcnNl")
	u.hear("235")
	u.say("MAIL FROM:<ann@example.org>")
	u.hear("250")
	u.say("RSET")
	u.hear("250")
	s.Must(s.Provision.SetPassword(t.Context(), mailflowtest.Address("ann"), "another password"))
	u.say("MAIL FROM:<ann@example.org>")
	u.hear("535 5.7.8 this sign-in is no longer good")
	u.say("MAIL FROM:<ann@example.org>")
	u.hear("530 5.7.0")
}

// RFC 4954 6: what may pass by itself is told from what the client must change.
func TestSignInReplies(t *testing.T) {
	s := serveUsers(t, dbtest.OnSQLite(t, schema.Files)())
	for want, err := range map[string]error{
		"535 5.7.8 ":                            mail.E("auth", mail.Denied, nil),
		"535 5.7.13 ":                           mail.E("auth", mail.Disabled, nil),
		"454 4.7.0 too many failed attempts":    mail.E("auth", mail.Limit, nil),
		"454 4.7.0 cannot check a password now": mail.E("auth", mail.Unavailable, errors.New("the secret cause")),
		"501 5.5.2 ":                            mail.E("auth", mail.Invalid, nil),
	} {
		client, server := net.Pipe()
		x := newSession(t.Context(), s.fixture.server, s.fixture.server.connections, server)
		go func() { x.notSignedIn("PLAIN", err); x.wire.close() }()
		line, readErr := bufio.NewReader(client).ReadString('\n')
		if readErr != nil || !strings.HasPrefix(line, want) {
			t.Errorf("%v is answered %q, %v", err, line, readErr)
		}
		client.Close()
	}
}

func TestSubmissionOptions(t *testing.T) {
	r := mailflowtest.New(t, dbtest.OnSQLite(t, schema.Files)(), mailflowtest.Options{})
	whole := Options{Mode: Submission, Hostname: "mx.example.org", TLS: serverTLS(), Inbound: r.Submission, Senders: r.Submission, Auth: r.Auth}
	if _, err := New(whole); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*Options){
		"TLS": func(o *Options) { o.TLS = nil }, "Auth": func(o *Options) { o.Auth = nil }, "Senders": func(o *Options) { o.Senders = nil },
	} {
		o := whole
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("it opens without %s", what)
		}
	}
}
