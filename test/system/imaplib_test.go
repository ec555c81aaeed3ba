//go:build system

package system

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// imaplibScript writes a draft, changes it, sends it, and reads it again as a client that knows UIDs only, all with Python's
// imaplib, whose parser is not ours.
const imaplibScript = `
import imaplib, sys
host, port, ann, bob, password = sys.argv[1:]

def ok(answer):
    if answer[0] != "OK":
        sys.exit("refused: %r" % (answer,))
    return answer[1]

def has(what, *wanted):
    for w in wanted:
        if w not in b" ".join(x if isinstance(x, bytes) else b" ".join(x) for x in what if x):
            sys.exit("%r is not in %r" % (w, what))

def replace(c, *args, message):
    c.literal = message
    return c._simple_command(*args)

imaplib.Commands["REPLACE"] = ("SELECTED",)
c = imaplib.IMAP4(host, int(port))
ok(c.login(ann, password))
for name in "UNAUTHENTICATE REPLACE CATENATE URL-PARTIAL UIDONLY UIDBATCHES".split():
    if name not in c.capability()[1][0].decode().split():
        sys.exit(name + " is not offered")

head = b"From: ann@example.org\r\nSubject: draft\r\n\r\n"
ok(c.append("Drafts", r"(\Draft \Seen)", None, head + b"first\r\n"))
ok(c.select("Drafts"))
ok(replace(c, "REPLACE", "1", "Drafts", r"(\Draft \Seen)", message=head + b"second\r\n"))
has(c.response("EXPUNGE")[1], b"1")
has(ok(c.uid("FETCH", "2", "(FLAGS BODY.PEEK[TEXT])")), b"second", rb"\Draft")

# Sent with an attachment that is here already: no octet of it travels.
ok(c.append("INBOX", None, None, b"Subject: attachment\r\n\r\n" + b"0123456789" * 100000))
ok(c.xatom("APPEND", "Sent", r"(\Seen)", 'CATENATE (URL "/Drafts/;UID=2" URL "/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=10.20")'))
ok(c.select("Sent"))
has(ok(c.fetch("1", "(BODY.PEEK[])")), head + b"second\r\n" + b"0123456789" * 2)
if c.xatom("APPEND", "Sent", 'CATENATE (URL "/Drafts/;UID=1")')[0] != "NO":
    sys.exit("a message that was replaced can still be named")

# Another user on the same connection finds nothing of ann's.
ok(c.xatom("UNAUTHENTICATE"))
c.state = "NONAUTH"
ok(c.login(bob, password))
has(ok(c.select("INBOX")), b"0")
ok(c.xatom("UNAUTHENTICATE"))
c.state = "NONAUTH"
ok(c.login(ann, password))

ok(c.enable("UIDONLY"))
ok(c.select("INBOX"))
c.untagged_responses.clear()
ok(c._simple_command("UID", "FETCH", "1:*", "(FLAGS RFC822.SIZE)"))
has(c.response("UIDFETCH")[1], b"1 (FLAGS", b"RFC822.SIZE 1000023")
try:
    c.fetch("1", "(FLAGS)")
    sys.exit("a sequence number was taken")
except imaplib.IMAP4.error as e:
    has([str(e).encode()], b"UIDREQUIRED")
ok(c.xatom("UIDBATCHES", "500"))
has(c.response("UIDBATCHES")[1], b"1:1")
ok(c.uid("STORE", "1", "+FLAGS.SILENT", r"(\Deleted)"))
ok(c._simple_command("EXPUNGE"))
has(c.response("VANISHED")[1], b"1")
c.logout()
`

func TestImaplib(t *testing.T) {
	python := tool(t, "python3")
	s := newServer(t)
	accounts := s.addAccounts(2)
	host, port, _ := strings.Cut(s.ready.IMAP, ":")
	script := write(t, filepath.Join(t.TempDir(), "drive.py"), imaplibScript, 0o600)
	out, err := exec.CommandContext(t.Context(), python, script, host, port, accounts[0], accounts[1], password).CombinedOutput()
	if err != nil {
		t.Fatalf("imaplib: %v\n%s", err, out)
	}
	s.stop()
	s.verify()
}
