//go:build system

package system

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// imapSortScript sorts and threads a mailbox by Python's imaplib, and looks through several mailboxes at once.
const imapSortScript = `
import imaplib, sys
host, port, user, password = sys.argv[1:]

def want(what, got, wanted):
    if got != wanted:
        sys.exit("%s: %r, want %r" % (what, got, wanted))

c = imaplib.IMAP4(host, int(port))
c.login(user, password)
for i, (subject, parent, date) in enumerate([("pear", 0, 3), ("Re: apple", 3, 4), ("apple", 0, 1), ("Birne", 0, 2), ("Re: apple", 2, 5)], 1):
    head = "Date: %d Jan 2026 10:00:00 +0000\r\nMessage-ID: <%d@x>\r\nSubject: %s\r\n" % (date, i, subject)
    if parent:
        head += "In-Reply-To: <%d@x>\r\n" % parent
    c.append("INBOX", None, None, (head + "\r\nsome text\r\n").encode())
c.select("INBOX")
want("sort", c.sort("(SUBJECT REVERSE DATE)", "UTF-8", "ALL"), ("OK", [b"5 2 3 4 1"]))
want("sort what is found", c.sort("(REVERSE DATE)", "UTF-8", "SUBJECT", "e"), ("OK", [b"5 2 1 4 3"]))
want("uid sort", c.uid("SORT", "(DATE)", "US-ASCII", "1:3"), ("OK", [b"3 1 2"]))
want("thread", c.thread("REFERENCES", "UTF-8", "ALL"), ("OK", [b"(3 2 5)(4)(1)"]))
want("thread", c.thread("ORDEREDSUBJECT", "UTF-8", "ALL"), ("OK", [b"(3 (2)(5))(4)(1)"]))
want("uid thread", c.uid("THREAD", "REFS", "UTF-8", "2:5"), ("OK", [b"(4)(3 2 5)"]))
want("nothing", c.sort("(DATE)", "UTF-8", "DRAFT"), ("OK", [b""]))
imaplib.Commands["ESEARCH"] = ("AUTH", "SELECTED")
want("multisearch", c._simple_command("ESEARCH", "IN", "(personal)", "RETURN", "(COUNT)", "FUZZY", "TEXT", "appl")[0], "OK")
if not c.response("ESEARCH")[1][0].endswith(b"UID COUNT 3"):
    sys.exit("multisearch")
c.logout()
`

func TestImaplibSorts(t *testing.T) {
	python := tool(t, "python3")
	s := newServer(t)
	accounts := s.addAccounts(1)
	host, port, _ := strings.Cut(s.ready.IMAP, ":")
	script := write(t, filepath.Join(t.TempDir(), "sort.py"), imapSortScript, 0o600)
	out, err := exec.CommandContext(t.Context(), python, script, host, port, accounts[0], password).CombinedOutput()
	if err != nil {
		t.Fatalf("imaplib: %v\n%s", err, out)
	}
	s.stop()
	s.verify()
}
