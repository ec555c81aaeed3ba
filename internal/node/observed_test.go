package node_test

import (
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// metric is the value of one line of /metrics; -1 where there is none.
func metric(text, name string) float64 {
	m := regexp.MustCompile(`(?m)^mailmesh_` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return -1
	}
	return v
}

// What happens at the doors is counted where operators look for it.
func TestMetricsTellWhatHappened(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	alice, bob := n.Accounts[0], n.Accounts[1]
	scrape := func() string { _, text := get(t, "http://"+n.Doors["metrics"]+"/metrics"); return text }
	before := scrape()
	c := n.SignIn(t, alice.Address, alice.Password)
	c.OK("SELECT INBOX")
	if _, end := n.Dial(t).Do("LOGIN %q wrong", bob.Address); !strings.HasPrefix(end, "NO") {
		t.Fatal(end)
	}
	openJMAP(t, n, alice, true).call("urn:ietf:params:jmap:core", "Core/echo", "{}")
	n.Send(t, "smtp", "me@example.net", []string{alice.Address, bob.Address, "nobody@demo.example", "a@elsewhere.example"}, letter("counted"))
	n.Send(t, "lmtp", "me@example.net", []string{alice.Address}, letter("counted, too"))
	grown := map[string]float64{
		`messages_accepted_total{protocol="smtp"}`:                          1,
		`messages_accepted_total{protocol="lmtp"}`:                          1,
		`recipients_delivered_total{protocol="smtp"}`:                       2,
		`refused_total{command="RCPT",protocol="smtp",reason="5.1.1"}`:      1,
		`refused_total{command="RCPT",protocol="smtp",reason="5.7.1"}`:      1,
		`accept_seconds_count{protocol="smtp"}`:                             1,
		`sign_ins_total{mechanism="LOGIN",protocol="imap",result="ok"}`:     1,
		`sign_ins_total{mechanism="LOGIN",protocol="imap",result="denied"}`: 1,
		`imap_command_seconds_count{answer="OK",command="SELECT"}`:          1,
		`sign_ins_total{mechanism="Basic",protocol="jmap",result="ok"}`:     2,
		`jmap_call_seconds_count{method="Core/echo",result="ok"}`:           1,
		`body_sync_bodies_sum`:                                              2,
		`notice_seconds_count`:                                              2,
	}
	var text string
	for begun := time.Now(); ; {
		text = scrape()
		var missing []string
		for name, want := range grown {
			if got := metric(text, name) - max(0, metric(before, name)); got != want {
				missing = append(missing, name)
			}
		}
		if metric(text, `sessions{protocol="imap"}`) != 2 || metric(text, `sessions{protocol="smtp"}`) != 0 { // theirs end a moment after QUIT
			missing = append(missing, "sessions")
		}
		if len(missing) == 0 {
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("not counted: %q\n%s", missing, text)
		}
	}
	for _, histogram := range []string{"commit_seconds", "commit_closures", "body_sync_seconds", "notice_seconds"} {
		if n, in := metric(text, histogram+"_count"), metric(text, histogram+`_bucket{le="+Inf"}`); n <= 0 || in != n {
			t.Errorf("%s counts %v of %v", histogram, in, n)
		}
	}
	if v := metric(text, "commit_failures_total"); v != 0 {
		t.Errorf("commit_failures_total is %v: an alarm must see it grow from 0", v)
	}
	if status, _ := get(t, "http://"+n.Doors["metrics"]+"/debug/pprof/"); status != 404 {
		t.Errorf("profiles are shown to whoever reads metrics: %d", status)
	}
}

// The log has one line for every step of a message, each with the id that stands in the 250 and in the Received field.
func TestOneIDThroughTheLog(t *testing.T) {
	log := new(logged)
	n := nodetest.Start(t, nodetest.Config(t), slog.New(slog.NewTextHandler(log, nil)))
	alice, bob := n.Accounts[0], n.Accounts[1]
	answer := n.Send(t, "smtp", "me@example.net", []string{alice.Address, bob.Address}, letter("followed"))[0]
	id := regexp.MustCompile(`\b[a-z2-7]{16}\b`).FindString(answer)
	c := n.SignIn(t, alice.Address, alice.Password)
	c.OK("SELECT INBOX")
	if stored := c.OK(`UID FETCH * BODY.PEEK[HEADER]`); id == "" || !strings.Contains(stored, " id "+id) {
		t.Errorf("the id of %q does not stand in Received:\n%s", answer, stored)
	}
	n.Stop(t)
	var steps []string
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "inbound:") && !strings.Contains(line, "smtp:") {
			continue
		}
		if !strings.Contains(line, "id="+id+" ") && !strings.HasSuffix(strings.TrimSpace(line), "id="+id) {
			t.Errorf("a line of another id than %s: %s", id, line)
		}
		steps = append(steps, regexp.MustCompile(`msg="([^"]*)"`).FindStringSubmatch(line)[1])
	}
	if got, want := strings.Join(steps, ", "), "inbound: stored, inbound: delivered, inbound: delivered, smtp: received"; got != want {
		t.Errorf("the log tells %q, want %q", got, want)
	}
}
