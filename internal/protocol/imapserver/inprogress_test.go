package imapserver

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var inProgress = regexp.MustCompile(`^\* OK \[INPROGRESS \("([^"]*)" (\d+) (\d+)\)\] `)

// reports are what a command says of how far it is: always of itself, never more than there is, never less than before.
func reports(t *testing.T, tag string, untagged []string) (n int) {
	t.Helper()
	last := 0
	for _, line := range untagged {
		m := inProgress.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n++
		if done, goal := number(m[2]), number(m[3]); m[1] != tag || done < last || done > goal {
			t.Errorf("%s after %d of %s", line, last, tag)
		} else {
			last = done
		}
	}
	return n
}

// RFC 9585: commands that last say so, at the interval of the limits.
func TestInProgress(t *testing.T) {
	t.Parallel()
	often := serve(t, func(o *Options) { o.Limits.Progress = 1 })
	seldom := serve(t, func(o *Options) { o.Limits.Progress = time.Hour })
	for _, f := range []*serving{often, seldom} {
		f.Deliver(ann, "INBOX", slices.Repeat([]string{sample(1)}, 20)...)
		c := f.login("SELECT INBOX")
		commands := []string{"SEARCH BODY nothing", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 BODY nothing"}
		for range 5 { // more than one step of the store
			commands = append(commands, "UID COPY 1:* INBOX")
		}
		commands = append(commands, "UID COPY 1:* Trash", "UID STORE 1:* +FLAGS.SILENT (\\Deleted one)", "EXPUNGE")
		for i, command := range commands {
			tag := c.send(command)
			untagged, reply := c.until(tag)
			short := i >= 3 && i < 8
			if n := reports(t, tag, untagged); !strings.HasPrefix(reply, "OK") || !short && (n > 0) != (f == often) {
				t.Errorf("%s: %s after %d reports", command, reply, n)
			}
		}
	}
}
