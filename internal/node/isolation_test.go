package node_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// What stands in Bob's mail and nowhere in Alice's.
const (
	secret     = "for the eyes of bob"
	secretBox  = "Heirlooms"
	secretWord = "bobs-keyword"
)

// house is a node with Alice, who looks around, and Bob, who has something to hide.
type house struct {
	t          *testing.T
	cfg        config.Config
	n          *nodetest.Node
	alice, bob node.DemoAccount
	names      []string // of Bob: what the store calls his things
	uids       map[string]uint64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, cfg: nodetest.Config(t)}
	h.n = nodetest.Start(t, h.cfg, nil)
	h.alice, h.bob = h.n.Accounts[0], h.n.Accounts[1]
	h.send("smtp", "one for both", h.alice.Address, h.bob.Address)
	for range 12 { // more than Alice has: his UIDs go further than hers
		h.send("lmtp", secret, h.bob.Address)
	}
	c := h.signIn(h.bob)
	c.OK("CREATE %s", secretBox)
	c.OK("SUBSCRIBE %s", secretBox)
	c.OK("SELECT INBOX")
	c.OK("UID STORE 1:* +FLAGS (%s)", secretWord)
	c.OK("UID COPY 2:* %s", secretBox)
	h.uids = nodetest.Numbers(c.OK("SELECT %s", secretBox))
	for _, line := range []string{c.OK("UID FETCH 1:* (EMAILID THREADID)"), c.OK("STATUS %s (MAILBOXID)", secretBox), c.OK("STATUS INBOX (MAILBOXID)")} {
		for _, m := range regexp.MustCompile(`(?:EMAILID|THREADID|MAILBOXID) \((\w+)\)`).FindAllStringSubmatch(line, -1) {
			h.names = append(h.names, m[1])
		}
	}
	return h
}

func (h *house) send(door, subject string, to ...string) {
	h.t.Helper()
	content := fmt.Sprintf("From: me@example.net\r\nSubject: %s\r\n\r\nthis is %[1]s\r\n", subject)
	for _, r := range h.n.Send(h.t, door, "me@example.net", to, content) {
		if !strings.HasPrefix(r, "250") {
			h.t.Fatalf("%s: %s", subject, r)
		}
	}
}

func (h *house) signIn(a node.DemoAccount) *nodetest.IMAP {
	h.t.Helper()
	return h.n.SignIn(h.t, a.Address, a.Password)
}

// wantNothingOf fails the test when an answer to Alice has something of Bob's that she did not say herself.
func (h *house) wantNothingOf(said, answer string) {
	h.t.Helper()
	for _, word := range append([]string{secret, secretBox, secretWord}, h.names...) {
		if strings.Contains(answer, word) && !strings.Contains(said, word) {
			h.t.Errorf("%s tells %q:\n%s", said, word, answer)
		}
	}
}

// all is everything that an account has, as its owner sees it.
func (h *house) all(a node.DemoAccount) string {
	h.t.Helper()
	c := h.signIn(a)
	var b strings.Builder
	b.WriteString(c.OK(`LIST "" "*" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ UNSEEN))`))
	for _, name := range []string{"INBOX", secretBox} {
		if answer, end := c.Do("EXAMINE %s", name); strings.HasPrefix(end, "OK") && strings.Contains(answer, "EXISTS") {
			b.WriteString(c.OK("UID FETCH 1:* (FLAGS BODY.PEEK[])"))
		}
	}
	return regexp.MustCompile(`(?m)^OK.*$`).ReplaceAllString(b.String(), "") // times
}

// The door of IMAP: whatever Alice says about Bob's mailboxes, ids and numbers, she hears nothing of them.
func TestIMAPShowsNothingOfOthers(t *testing.T) {
	h := newHouse(t)
	before := h.all(h.bob)
	c := h.signIn(h.alice)
	c.OK("ENABLE QRESYNC")
	refused := func(format string, args ...any) {
		t.Helper()
		said := fmt.Sprintf(format, args...)
		answer, end := c.Do("%s", said)
		if strings.HasPrefix(end, "OK") {
			t.Errorf("%s was answered %s%s", said, answer, end)
		}
		h.wantNothingOf(said, answer+end)
	}
	allowed := func(format string, args ...any) {
		t.Helper()
		said := fmt.Sprintf(format, args...)
		answer, end := c.Do("%s", said)
		h.wantNothingOf(said, answer+end)
	}
	var names []string
	for _, prefix := range []string{"", "bob/", h.bob.Address + "/", "~bob/", "user/bob/", "user.bob.", "Other Users/bob/", "Other Users/" + h.bob.Address + "/", "Shared Folders/" + h.bob.Address + "/", "#user/bob/", "../bob/", "/", "Shared/"} {
		names = append(names, prefix+secretBox)
		if prefix != "" && prefix != "/" {
			names = append(names, prefix+"INBOX")
		}
	}
	for _, name := range append(names, h.names...) {
		c.OK("SELECT INBOX")
		refused("STATUS %q (MESSAGES UNSEEN)", name)
		refused("APPEND %q {3+}\r\nx\r\n", name)
		refused("UID COPY 1 %q", name)
		refused("UID MOVE 1 %q", name)
		refused("DELETE %q", name)
		refused("RENAME %q Mine", name)
		refused("EXAMINE %q", name)
		refused("SELECT %q", name)
		allowed("LIST %q %%", name)
		allowed(`LIST "" %q`, name)
	}
	for _, list := range []string{`LIST "" "*"`, `LIST "" "%"`, `LIST "" "*bob*"`, `LIST (SUBSCRIBED RECURSIVEMATCH) "" "*"`, `LSUB "" "*"`,
		`LIST "" "*" RETURN (CHILDREN STATUS (MESSAGES SIZE))`, "NAMESPACE"} {
		allowed("%s", list)
	}
	c.OK("SELECT INBOX")
	for _, key := range append(h.names, "Mzzzzzz", "Tzzzzzz") {
		for _, search := range []string{"EMAILID ", "THREADID "} {
			if answer, end := c.Do("UID SEARCH %s%s", search, key); strings.HasPrefix(end, "OK") && regexp.MustCompile(`SEARCH \d|ALL \d`).MatchString(answer) {
				t.Errorf("%s%s finds %s", search, key, answer)
			}
		}
	}
	for _, search := range []string{`SUBJECT "eyes"`, `TEXT "for the eyes"`, "KEYWORD " + secretWord} {
		if answer := c.OK("UID SEARCH %s", search); regexp.MustCompile(`SEARCH \d|ALL \d`).MatchString(answer) {
			t.Errorf("SEARCH %s finds %s", search, answer)
		}
	}
	allowed("UID FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[])")
	allowed("UID FETCH %d:* (FLAGS BODY.PEEK[])", h.uids["UIDNEXT"])
	allowed("SELECT INBOX (QRESYNC (%d %d 1:%d))", h.uids["UIDVALIDITY"], 1, h.uids["UIDNEXT"])
	allowed("SELECT INBOX (QRESYNC (%d %d))", h.uids["UIDVALIDITY"], h.uids["HIGHESTMODSEQ"])
	allowed("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")
	if h.all(h.bob) != before {
		t.Error("Bob's mail is not what it was")
	}
	h.send("smtp", secret, h.bob.Address)
	if answer := c.OK("NOOP"); strings.Contains(answer, "EXISTS") {
		t.Errorf("mail for Bob is announced: %s", answer)
	}
	if c.OK("CREATE %s", secretBox); !strings.Contains(c.OK("STATUS %s (MESSAGES)", secretBox), "MESSAGES 0") {
		t.Error("a mailbox of the same name is not her own")
	}
	if c.OK("SELECT %s", secretBox); !strings.Contains(c.OK("UID SEARCH ALL"), "SEARCH\n") {
		t.Error("her own mailbox of that name is not empty")
	}
}

// What Bob gives, Alice has, and nothing beside it; when he takes it back she has nothing.
func TestIMAPShowsWhatIsGiven(t *testing.T) {
	h := newHouse(t)
	his := h.signIn(h.bob)
	his.OK("CREATE Given/%s", secretBox)
	prefix := "Other Users/" + h.bob.Address + "/"
	c := h.signIn(h.alice)
	shown := func() bool { return strings.Contains(c.OK(`LIST "" "*"`), prefix+"Given") }
	// pry says whatever could show something of the mailboxes that are not given.
	pry := func() {
		t.Helper()
		for _, name := range []string{"INBOX", secretBox, "Given/" + secretBox, "Nowhere"} {
			name = prefix + name
			for _, format := range []string{"STATUS %q (MESSAGES)", "SELECT %q", "EXAMINE %q", "MYRIGHTS %q", "GETACL %q", "GETQUOTAROOT %q", "GETMETADATA %q /shared/comment",
				"DELETE %q", "RENAME %q Mine", "CREATE %q", "APPEND %q {3+}\r\nx\r\n", "SETACL %q " + h.alice.Address + " lr", "DELETEACL %q " + h.alice.Address} {
				answer, end := c.Do(format, name)
				want := "NO [NONEXISTENT] there is no such mailbox"
				if strings.HasPrefix(format, "CREATE") && strings.Contains(name, "Given") && shown() {
					want = "NO [NOPERM] " // whether it is there or not
				}
				if !strings.HasPrefix(end, want) {
					t.Errorf(format+": %s%s", name, answer, end)
				}
				h.wantNothingOf(fmt.Sprintf(format, name), answer+end)
			}
		}
		for _, list := range []string{`LIST "" "*"`, `LIST "" "` + prefix + `%"`, `LIST "" "*" RETURN (MYRIGHTS STATUS (MESSAGES))`, `LSUB "" "*"`} {
			h.wantNothingOf(list, c.OK("%s", list))
		}
	}
	pry()
	if shown() {
		t.Error("Alice is shown what was not given")
	}
	before := h.all(h.bob)
	his.OK("APPEND Given {12+}\r\nx: given\r\n\r\n")
	his.OK("SETACL Given %s lr", h.alice.Address)
	pry()
	if !shown() {
		t.Error("Alice is not shown what was given")
	}
	c.OK("SELECT %q", prefix+"Given")
	if answer := c.OK("UID FETCH 1:* (FLAGS BODY[])"); !strings.Contains(answer, "x: given") {
		t.Errorf("given is %s", answer)
	}
	for _, key := range append(h.names, "Mzzzzzz") {
		if answer, end := c.Do("UID SEARCH EMAILID %s", key); strings.HasPrefix(end, "OK") && regexp.MustCompile(`SEARCH \d|ALL \d`).MatchString(answer) {
			t.Errorf("EMAILID %s finds %s", key, answer)
		}
	}
	for _, command := range []string{`UID STORE 1 +FLAGS (\Deleted)`, "EXPUNGE", "UID MOVE 1 INBOX"} {
		if _, end := c.Do("%s", command); !strings.HasPrefix(end, "NO [NOPERM]") {
			t.Errorf("%s: %s", command, end)
		}
	}
	c.OK("UNSELECT")
	his.OK("DELETEACL Given %s", h.alice.Address)
	pry()
	if _, end := c.Do("SELECT %q", prefix+"Given"); shown() || !strings.HasPrefix(end, "NO [NONEXISTENT]") {
		t.Errorf("what was taken back: %s", end)
	}
	if without := regexp.MustCompile(`(?m)^.* "?Given.*\n`); without.ReplaceAllString(h.all(h.bob), "") != without.ReplaceAllString(before, "") {
		t.Error("Bob's mail is not what it was")
	}
}

// The door of POP3: who signs in sees one INBOX, their own, whatever they say before and after; nothing is removed but theirs.
func TestPOP3ShowsNothingOfOthers(t *testing.T) {
	h := newHouse(t)
	before := h.all(h.bob)
	his, answer := h.n.Pop(t, h.bob.Address, h.bob.Password)
	if !strings.HasPrefix(answer, "+OK 14 ") {
		t.Fatal(answer)
	}
	ids := strings.Fields(his.Text("UIDL"))
	his.Do("DELE 1") // and no QUIT

	c, answer := h.n.Pop(t, h.bob.Address, h.alice.Password)
	if !strings.HasPrefix(answer, "-ERR [AUTH]") {
		t.Errorf("Alice's password for Bob: %s", answer)
	}
	c.Do("USER %s", h.bob.Address)
	c.Do("USER %s", h.alice.Address)
	if answer = c.Do("PASS %s", h.alice.Password); !strings.HasPrefix(answer, "+OK") {
		t.Fatal(answer)
	}
	hers := strings.Count(c.Text("LIST"), "\n")
	said := []string{"UIDL", "LIST"}
	for n := 1; n <= hers; n++ {
		said = append(said, fmt.Sprintf("RETR %d", n), fmt.Sprintf("TOP %d 100", n))
	}
	for _, command := range said {
		text := c.Text("%s", command)
		h.wantNothingOf(command, text)
		for i := 1; i < len(ids); i += 2 {
			if strings.Contains(text+"\n", " "+ids[i]+"\n") {
				t.Errorf("%s tells the id of a message of Bob's:\n%s", command, text)
			}
		}
	}
	for n := hers + 1; n < hers+20; n++ {
		for _, command := range []string{"RETR %d", "TOP %d 9", "DELE %d", "LIST %d", "UIDL %d"} {
			if answer := c.Do(command, n); !strings.HasPrefix(answer, "-ERR no such message") {
				t.Errorf(command+": %s", n, answer)
			}
		}
	}
	for n := 1; n <= hers; n++ {
		c.Do("DELE %d", n)
	}
	if answer := c.Do("QUIT"); !strings.HasPrefix(answer, "+OK") {
		t.Error(answer)
	}
	if h.all(h.bob) != before {
		t.Error("Bob's mail is not what it was")
	}
	nodetest.Verify(t, h.cfg)
}

// The doors of mail: what comes for Bob is not seen by Alice, nor that it came for him.
func TestMailShowsNothingOfOthers(t *testing.T) {
	h := newHouse(t)
	// Both are recipients of one message, and no header field says so: Bcc.
	all := h.all(h.alice)
	if !strings.Contains(all, "one for both") {
		t.Fatal("the mail for both is not there")
	}
	h.wantNothingOf("her own mail", all)
	for _, m := range strings.Split(all, "BODY[]")[1:] {
		if strings.Contains(m, "one for both") && strings.Contains(m, h.bob.Address) {
			t.Errorf("the other recipient stands in it:\n%s", m)
		}
	}
	h.send("lmtp", "plus", strings.Replace(h.alice.Address, "@", "+bob@", 1))
	if bobs := h.all(h.bob); strings.Contains(bobs, "this is plus") {
		t.Error("a subaddress with Bob's name leads to Bob")
	}
}

// Signing in: Alice's secrets open Alice's account, whatever name is said beside them.
func TestSecretsOpenOneAccount(t *testing.T) {
	h := newHouse(t)
	admin, done, err := node.OpenAdmin(t.Context(), h.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	hers, err := admin.AddAppPassword(t.Context(), h.alice.Address, node.NewAppPassword{Name: "hers"})
	if err != nil {
		t.Fatal(err)
	}
	his, err := admin.AddAppPassword(t.Context(), h.bob.Address, node.NewAppPassword{Name: "his"})
	if err != nil {
		t.Fatal(err)
	}
	for name, said := range map[string]string{
		"her password":           fmt.Sprintf("LOGIN %q %q", h.bob.Address, h.alice.Password),
		"her app password":       fmt.Sprintf("LOGIN %q %q", h.bob.Address, hers.Password),
		"to act as him":          "AUTHENTICATE PLAIN " + plain(h.bob.Address, h.alice.Address, h.alice.Password),
		"to act as him, app":     "AUTHENTICATE PLAIN " + plain(h.bob.Address, h.alice.Address, hers.Password),
		"his name, her password": "AUTHENTICATE PLAIN " + plain("", h.bob.Address, h.alice.Password),
	} {
		if _, end := h.n.Dial(t).Do("%s", said); !strings.HasPrefix(end, "NO") {
			t.Errorf("%s: %s", name, end)
		}
	}
	// The admin interface: an app password is removed through its own account only, and listed there only.
	if err := admin.RevokeAppPassword(t.Context(), h.alice.Address, his.ID); !mail.Is(err, mail.NotFound) {
		t.Errorf("Bob's app password removed through Alice: %v", err)
	}
	for a, err := range admin.AppPasswords(t.Context(), h.alice.Address) {
		if err != nil || a.ID == his.ID || a.Name == "his" {
			t.Errorf("listed with Alice: %+v, %v", a, err)
		}
	}
	h.n.SignIn(t, h.bob.Address, his.Password)
	in, err := h.n.Inside.Rooms().Auth.Verify(t.Context(), auth.Attempt{Login: h.bob.Address, Password: his.Password, Remote: netip.MustParseAddr("127.0.0.1")})
	if bob := h.id(h.bob); err != nil || in.Account != bob {
		t.Errorf("Bob's app password signs in %v, %v; want %v", in.Account, err, bob)
	}
}

func plain(act, name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(act + "\x00" + name + "\x00" + password))
}

// id is the account's number in the store.
func (h *house) id(a node.DemoAccount) mail.AccountID {
	h.t.Helper()
	address, err := mail.ParseAddress(a.Address)
	if err != nil {
		h.t.Fatal(err)
	}
	account, err := h.n.Inside.Rooms().Provision.Account(h.t.Context(), address)
	if err != nil {
		h.t.Fatal(err)
	}
	return account.ID
}

// blobs are the bodies of an account's INBOX, in order.
func (h *house) blobs(account mail.AccountID) (out []mail.BlobID, box mail.MailboxID) {
	h.t.Helper()
	r := h.n.Inside.Rooms()
	err := r.Tx.Read(h.t.Context(), func(t *tx.Tx) error {
		out = nil
		in, err := r.Mailbox.ByPath(t, account, mailbox.Inbox)
		if err != nil {
			return err
		}
		box = in.ID
		view, err := r.Mailbox.View(h.t.Context(), account, in.ID)
		if err != nil {
			return err
		}
		for _, e := range view.All() {
			m, err := r.Mailbox.Email(t, account, e.Email)
			if err != nil {
				return err
			}
			out = append(out, m.Blob)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out, box
}

// Behind the doors: the rooms, asked with Alice's account and Bob's ids, find nothing and change nothing. (That of
// mailboxes has its own test of every method.)
func TestRoomsFindNothingOfOthers(t *testing.T) {
	h := newHouse(t)
	r := h.n.Inside.Rooms()
	alice, bob := h.id(h.alice), h.id(h.bob)
	hers, _ := h.blobs(alice)
	his, inbox := h.blobs(bob) // which is in the cache of views now
	before := h.all(h.bob)
	if _, err := r.Mailbox.View(t.Context(), alice, inbox); !mail.Is(err, mail.NotFound) {
		t.Errorf("the view of Bob's INBOX: %v", err)
	}
	for _, id := range his {
		for _, hers := range hers {
			if id == hers {
				t.Errorf("both call a body %v: one could tell that the other has it", id)
			}
		}
		if body, err := r.Bodies.Open(t.Context(), alice, id); !mail.Is(err, mail.NotFound) {
			t.Errorf("Bob's body %v opens: %v, %v", id, body, err)
		}
		for name, do := range map[string]func(*tx.Tx) error{
			"HoldAgain": func(t *tx.Tx) error { return r.Bodies.HoldAgain(t, alice, id) },
			"Append": func(t *tx.Tx) error {
				in, err := r.Mailbox.ByPath(t, alice, mailbox.Inbox)
				if err == nil {
					_, err = r.Mailbox.Append(t, alice, in.ID, mailbox.Message{Blob: id})
				}
				if err == nil {
					err = r.Bodies.HoldAgain(t, alice, id) // as every caller does
				}
				return err
			},
		} {
			if err := r.Tx.Write(t.Context(), []mail.AccountID{alice}, do); err == nil {
				t.Errorf("%s of Bob's body succeeded", name)
			}
		}
		release := func(t *tx.Tx) error { return r.Bodies.Release(t, alice, id) } // of nothing: no error, no effect
		if err := r.Tx.Write(t.Context(), []mail.AccountID{alice}, release); err != nil {
			t.Error(err)
		}
		body, err := r.Bodies.Open(t.Context(), bob, id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, io.NewSectionReader(body, 0, body.Size())); err != nil {
			t.Error(err)
		}
		body.Close()
	}
	if h.all(h.bob) != before {
		t.Error("Bob's mail is not what it was")
	}
	nodetest.Verify(t, h.cfg)
}
