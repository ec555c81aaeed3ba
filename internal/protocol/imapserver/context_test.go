package imapserver

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// follower is a client that keeps the result of a search, as numbers or UIDs, by what it is told.
type follower struct {
	t     rapid.TB
	key   string
	tag   string
	uid   bool
	found imap.Set
}

var (
	updateLine = regexp.MustCompile(`^\* ESEARCH \(TAG "(\w+)"\)( UID)?(.*)$`)
	updateItem = regexp.MustCompile(` (ADDTO|REMOVEFROM|ALL) (?:\(0 ([0-9:,]+)\)|([0-9:,]+))`)
	numberGone = regexp.MustCompile(`^\* (\d+) EXPUNGE$`)
)

// hear takes an untagged response.
func (f *follower) hear(line string) {
	if m := numberGone.FindStringSubmatch(line); m != nil && !f.uid {
		gone, _ := strconv.Atoi(m[1])
		var moved imap.Set
		for n := range f.found.All() {
			switch {
			case n == uint32(gone):
				f.t.Fatalf("%s: still there: %v", line, f.found)
			case n > uint32(gone):
				n--
			}
			moved.Add(n)
		}
		f.found = moved
		return
	}
	m := updateLine.FindStringSubmatch(line)
	if m == nil || m[1] != f.tag {
		return
	}
	if (m[2] != "") != f.uid {
		f.t.Fatalf("numbers of the wrong kind: %s", line)
	}
	for _, item := range updateItem.FindAllStringSubmatch(m[3], -1) {
		set, err := imap.ParseSet(item[2] + item[3])
		if err != nil {
			f.t.Fatal(err)
		}
		switch common := f.found.Intersect(set); {
		case item[1] == "REMOVEFROM" && common.Len() != set.Len(), item[1] == "ADDTO" && len(common) > 0:
			f.t.Fatalf("%s: the client has %s", line, f.found)
		case item[1] == "REMOVEFROM":
			f.found = f.found.Subtract(set)
		default:
			f.found = slices.Concat(f.found, set).Resolve(0)
		}
	}
}

// Whatever others do to a mailbox, and whenever the client hears of it, what it has of its searches is what they would find.
func TestUpdatesModel(t *testing.T) {
	t.Parallel()
	f := serve(t)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		if round++; round > 15 {
			return
		}
		name := fmt.Sprintf("u%d", round)
		other := f.login("CREATE "+name, "SELECT "+name)
		c := f.login()
		defer c.conn.Close()
		defer other.conn.Close()
		for range rapid.IntRange(0, 4).Draw(t, "messages") {
			f.deliver(ann, name, sample(1))
		}
		c.ok("SELECT " + name)
		var all []*follower
		hear := func(lines []string) {
			for _, line := range lines {
				for _, w := range all {
					w.hear(line)
				}
			}
		}
		run := func(command string) {
			untagged, reply := c.until(c.send(command))
			if hear(untagged); !strings.HasPrefix(reply, "OK") {
				t.Fatalf("%s: %s", command, reply)
			}
		}
		search := func(w *follower, options string) string {
			verb := "SEARCH"
			if w.uid {
				verb = "UID SEARCH"
			}
			return fmt.Sprintf("%s RETURN (%s) %s", verb, options, w.key)
		}
		for _, key := range []string{"FLAGGED", "NOT SEEN", "OR ANSWERED BODY message", `SUBJECT "message 2" UNDELETED`, "NOT UID 2"} {
			w := &follower{t: t, key: key, uid: rapid.Bool().Draw(t, "by UID"), tag: fmt.Sprintf("t%d", c.tags+1)}
			all = append(all, w)
			run(search(w, "UPDATE ALL"))
		}
		flag := rapid.SampledFrom([]string{`\Seen`, `\Flagged`, `\Answered`, `\Deleted`})
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				other.do(fmt.Sprintf("UID STORE %d %sFLAGS (%s)", rapid.IntRange(1, 8).Draw(t, "uid"), rapid.SampledFrom([]string{"+", "-"}).Draw(t, "how"), flag.Draw(t, "flag")))
			},
			"own store": func(t *rapid.T) {
				run(fmt.Sprintf("UID STORE %d +FLAGS.SILENT (%s)", rapid.IntRange(1, 8).Draw(t, "uid"), flag.Draw(t, "flag")))
			},
			"deliver": func(t *rapid.T) { f.deliver(ann, name, sample(rapid.IntRange(1, 3).Draw(t, "which"))) },
			"expunge": func(*rapid.T) { other.do("EXPUNGE") },
			"look":    func(*rapid.T) { run("SEARCH SEEN") }, // EXPUNGE has to wait
			"": func(t *rapid.T) {
				run("NOOP")
				for _, w := range all {
					lines := c.ok(search(w, "ALL"))
					now := &follower{t: t, uid: w.uid, tag: fmt.Sprintf("t%d", c.tags)}
					for _, line := range lines {
						now.hear(line)
					}
					if now.found.String() != w.found.String() {
						t.Fatalf("%s: the client has %s, and %s is found", w.key, w.found, now.found)
					}
				}
			},
		})
	})
}
