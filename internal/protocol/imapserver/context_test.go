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
	order string // of a SORT
	tag   string
	uid   bool
	found []uint32
}

// command asks for the result in some form.
func (f *follower) command(options string) string {
	verb, order := "SEARCH", ""
	if f.uid {
		verb = "UID SEARCH"
	}
	if f.order != "" {
		verb, order = strings.Replace(verb, "SEARCH", "SORT", 1), f.order+" UTF-8 "
	}
	return fmt.Sprintf("%s RETURN (%s) %s%s", verb, options, order, f.key)
}

var (
	updateLine = regexp.MustCompile(`^\* ESEARCH \(TAG "(\w+)"\)( UID)?(.*)$`)
	updateItem = regexp.MustCompile(` (ADDTO|REMOVEFROM|ALL) (?:\(([0-9:, ]+)\)|([0-9:,]+))`)
	numberGone = regexp.MustCompile(`^\* (\d+) EXPUNGE$`)
)

// hear takes an untagged response.
func (f *follower) hear(line string) {
	if m := numberGone.FindStringSubmatch(line); m != nil && !f.uid {
		gone, _ := strconv.Atoi(m[1])
		for i, n := range f.found {
			switch {
			case n == uint32(gone):
				f.t.Fatalf("%s: still there: %v", line, f.found)
			case n > uint32(gone):
				f.found[i]--
			}
		}
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
		words := strings.Fields("1 " + item[3])
		if item[2] != "" {
			words = strings.Fields(item[2])
		}
		for ; len(words) > 1; words = words[2:] {
			at, _ := strconv.Atoi(words[0])
			set, err := imap.ParseSet(words[1])
			if err != nil {
				f.t.Fatal(err)
			}
			f.change(line, item[1] != "REMOVEFROM", at, slices.Collect(set.All()))
		}
	}
}

// change puts messages in or takes them out, at a place or, for 0, where the mailbox has them.
func (f *follower) change(line string, in bool, at int, numbers []uint32) {
	if (at == 0) != (f.order == "") && in && line != "" && !strings.Contains(line, " ALL ") {
		f.t.Fatalf("%s: place %d", line, at)
	}
	for i, n := range numbers {
		place := slices.Index(f.found, n)
		switch {
		case in != (place < 0), at > 0 && !in && place != at-1, at > 0 && in && at+i-1 > len(f.found):
			f.t.Fatalf("%s: the client has %v", line, f.found)
		case !in:
			f.found = slices.Delete(f.found, place, place+1)
		case at > 0:
			f.found = slices.Insert(f.found, at+i-1, n)
		default:
			f.found = slices.Sorted(slices.Values(append(f.found, n)))
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
			f.Deliver(ann, name, sample(1))
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
		for _, w := range []*follower{{key: "FLAGGED"}, {key: "NOT SEEN"}, {key: "OR ANSWERED BODY message"}, {key: `SUBJECT "message 2" UNDELETED`},
			{key: "NOT UID 2"}, {key: "UNSEEN", order: "(REVERSE ARRIVAL)"}, {key: "UNDELETED", order: "(REVERSE SUBJECT DATE)"}} {
			w.t, w.uid, w.tag = t, rapid.Bool().Draw(t, "by UID"), fmt.Sprintf("t%d", c.tags+1)
			all = append(all, w)
			run(w.command("UPDATE ALL"))
		}
		some := rapid.SampledFrom([]string{"1", "2", "4", "1,3,5,7", "2,4:6,8", "1:8"})
		flag := rapid.SampledFrom([]string{`\Seen`, `\Flagged`, `\Answered`, `\Deleted`})
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				other.do(fmt.Sprintf("UID STORE %s %sFLAGS (%s)", some.Draw(t, "which"), rapid.SampledFrom([]string{"+", "-"}).Draw(t, "how"), flag.Draw(t, "flag")))
			},
			"own store": func(t *rapid.T) {
				run(fmt.Sprintf("UID STORE %s +FLAGS.SILENT (%s)", some.Draw(t, "which"), flag.Draw(t, "flag")))
			},
			"deliver": func(t *rapid.T) {
				f.Deliver(ann, name, sample(rapid.IntRange(1, 3).Draw(t, "one")), sample(rapid.IntRange(1, 3).Draw(t, "another")))
			},
			"expunge": func(*rapid.T) { other.do("EXPUNGE") },
			"look":    func(*rapid.T) { run("SEARCH SEEN") }, // EXPUNGE has to wait
			"": func(t *rapid.T) {
				run("NOOP")
				for _, w := range all {
					lines := c.ok(w.command("ALL"))
					now := &follower{t: t, uid: w.uid, tag: fmt.Sprintf("t%d", c.tags)}
					for _, line := range lines {
						now.hear(line)
					}
					if !slices.Equal(now.found, w.found) {
						t.Fatalf("%s: the client has %v, and %v is found", w.command("ALL"), w.found, now.found)
					}
				}
			},
		})
	})
}
