package node_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// The demo shows what mail programs have to show: each kind of message is among the samples, for one of two accounts.
func TestDemoMail(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	if len(n.Accounts) != 2 {
		t.Fatalf("%d accounts", len(n.Accounts))
	}
	c := n.SignIn(t, n.Accounts[0].Address, n.Accounts[0].Password)
	c.OK("SELECT INBOX")
	structures := c.OK("UID FETCH 1:* (BODYSTRUCTURE ENVELOPE)")
	for kind, want := range map[string]string{
		"plain text":          `(?i)BODYSTRUCTURE \("text" "plain"`,
		"an inline picture":   `(?i)"text" "html".*"image" "\w+" .*"inline"`,
		"an attachment":       `(?i)"attachment" \("filename\*?"`,
		"a non-ASCII subject": `(?i)ENVELOPE \("[^"]*" "=\?utf-8\?`,
	} {
		if !regexp.MustCompile(want).MatchString(structures) {
			t.Errorf("no message with %s:\n%s", kind, structures)
		}
	}
	threads := regexp.MustCompile(`THREADID \((\w+)\)`).FindAllStringSubmatch(c.OK("UID FETCH 1:* (THREADID)"), -1)
	longest := 0
	for _, one := range threads {
		longest = max(longest, len(slices.DeleteFunc(slices.Clone(threads), func(other []string) bool { return other[1] != one[1] })))
	}
	if longest < 3 {
		t.Errorf("the longest thread has %d messages", longest)
	}
	if bob := n.SignIn(t, n.Accounts[1].Address, n.Accounts[1].Password).OK("SELECT INBOX"); !strings.Contains(bob, "* 1 EXISTS") {
		t.Errorf("the second account has not its part of the conversation: %s", bob)
	}
	c.OK(`SELECT "Harbour project"`)
	c.OK("SELECT Sent")
	if dates := c.OK("FETCH 1 (INTERNALDATE BODY.PEEK[HEADER.FIELDS (DATE)])"); strings.Contains(dates, time.Now().Format(":04:05")) {
		t.Errorf("a sample is of now: %s", dates)
	}
}
