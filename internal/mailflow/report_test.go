package mailflow_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dsn"
)

const original = "Subject: x\r\nMessage-ID: <m@example.org>\r\n\r\ntext\r\n"

func open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(original)), nil }

func recipient(local string, notify mail.Notify) mail.Recipient {
	return mail.Recipient{Address: mail.Address{Local: local, Domain: "elsewhere.example"}, Notify: notify}
}

var reporter = mailflow.Reporter{Host: "mail.example.org", Now: func() time.Time { return time.Unix(1e9, 0) }}

// RFC 3461 4.1 and 5.2: who is told what.
func TestTold(t *testing.T) {
	ann := mail.Address{Local: "ann", Domain: "example.org"}
	const success, failure, delay = mail.NotifySuccess, mail.NotifyFailure, mail.NotifyDelay
	for notify, told := range map[mail.Notify]string{
		mail.NotifyUnstated: "failed delayed", mail.NotifyNever: "", success: "expanded relayed delivered", failure: "failed", delay: "delayed",
		success | failure | delay: "failed delayed expanded relayed delivered",
	} {
		for _, action := range []dsn.Action{dsn.Failed, dsn.Delayed, dsn.Expanded, dsn.Relayed, dsn.Delivered} {
			r := recipient("bob", notify)
			if got, want := mailflow.Told(ann, r, action), strings.Contains(told, string(action)); got != want {
				t.Errorf("notify %d: %s is told: %v", notify, action, got)
			}
			if mailflow.Told(mail.Address{}, r, action) {
				t.Errorf("notify %d: %s is told to the null reverse-path", notify, action)
			}
		}
	}
}

// One report about those who are told of, and nothing about the others.
func TestReport(t *testing.T) {
	e := &mail.Envelope{ReversePath: mail.Address{Local: "ann", Domain: "example.org"}, EnvID: "env1", Ret: mail.RetFull}
	said := mail.Event{At: time.Unix(1e9, 0), By: "mx.elsewhere.example [192.0.2.1]", Reply: mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}, Text: "no bob"}}
	bob := recipient("bob", mail.NotifyUnstated)
	bob.Original = mail.OriginalRecipient{Type: "rfc822", Address: "robert@example.net"}
	fates := []mailflow.Fate{
		{Recipient: bob, Action: dsn.Failed, Event: said},
		{Recipient: recipient("never", mail.NotifyNever), Action: dsn.Failed, Event: said},
		{Recipient: recipient("quiet", mail.NotifyUnstated), Action: dsn.Delivered},
		{Recipient: recipient("asked", mail.NotifySuccess), Action: dsn.Delivered, Event: mail.Event{By: "mail.example.org"}},
		{Recipient: recipient("late", mail.NotifyUnstated), Action: dsn.Failed, Event: mail.Event{Reply: mail.Reply{Code: 421, Text: "busy"}}},
		{Recipient: recipient("down", mail.NotifyDelay), Action: dsn.Delayed, Until: time.Unix(2e9, 0), Event: mail.Event{Reply: mail.Reply{Text: "no answer"}}},
	}
	g, ok, err := reporter.Report(e, time.Unix(9e8, 0), fates, open)
	if err != nil || !ok || g.To != e.ReversePath {
		t.Fatalf("%+v, %v, %v", g.To, ok, err)
	}
	r, err := dsn.Parse(bytes.NewReader(g.Content), int64(len(g.Content)))
	if err != nil || r.EnvID != "env1" || r.ReportingMTA != "mail.example.org" || r.MessageID != "m@example.org" || !r.Arrival.Equal(time.Unix(9e8, 0)) {
		t.Errorf("%+v, %v", r, err)
	}
	want := []dsn.Recipient{
		{Original: bob.Original, Final: dsn.AddressOf(bob.Address), Action: dsn.Failed, Status: mail.EnhancedCode{5, 1, 1}, RemoteMTA: "mx.elsewhere.example", Diagnostic: "550 5.1.1 no bob"},
		{Final: dsn.Address{Type: "rfc822", Text: "asked@elsewhere.example"}, Action: dsn.Delivered, Status: mail.EnhancedCode{2, 0, 0}},
		{Final: dsn.Address{Type: "rfc822", Text: "late@elsewhere.example"}, Action: dsn.Failed, Status: mail.EnhancedCode{4, 0, 0}, Diagnostic: "421 busy"},
		{Final: dsn.Address{Type: "rfc822", Text: "down@elsewhere.example"}, Action: dsn.Delayed, Status: mail.EnhancedCode{4, 0, 0}, Diagnostic: "no answer"},
	}
	if len(r.Recipients) != len(want) {
		t.Fatalf("told of %+v", r.Recipients)
	}
	for i, got := range r.Recipients {
		if i == 3 && !got.WillRetryUntil.Equal(time.Unix(2e9, 0)) {
			t.Errorf("tried until %v", got.WillRetryUntil)
		}
		got.LastAttempt, got.WillRetryUntil = time.Time{}, time.Time{}
		if got != want[i] {
			t.Errorf("told of %+v, want %+v", got, want[i])
		}
	}
	if !bytes.Contains(g.Content, []byte("\r\ntext\r\n")) {
		t.Error("the message is not returned whole, though it is asked for")
	}
}

// RET is for failures; and nobody is told nothing.
func TestReportReturns(t *testing.T) {
	e := &mail.Envelope{ReversePath: mail.Address{Local: "ann", Domain: "example.org"}, Ret: mail.RetFull}
	one := func(action dsn.Action, ret mail.Ret) string {
		e.Ret = ret
		g, ok, err := reporter.Report(e, time.Time{}, []mailflow.Fate{{Recipient: recipient("bob", mail.NotifySuccess|mail.NotifyFailure), Action: action}}, open)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return string(g.Content)
	}
	for _, c := range []struct {
		action dsn.Action
		ret    mail.Ret
		whole  bool
	}{{dsn.Failed, mail.RetFull, true}, {dsn.Failed, mail.RetHeaders, false}, {dsn.Failed, mail.RetUnstated, false}, {dsn.Delivered, mail.RetFull, false}} {
		if got := one(c.action, c.ret); strings.Contains(got, "\r\ntext\r\n") != c.whole {
			t.Errorf("%s, RET=%s: %s", c.action, c.ret, got)
		}
	}
	e.RequireTLS = true
	if got := one(dsn.Failed, mail.RetFull); strings.Contains(got, "\r\ntext\r\n") {
		t.Errorf("with REQUIRETLS the text comes back: %s", got)
	}
	unread := func() (io.ReadCloser, error) { return nil, errors.New("not to be opened") }
	ann := e.ReversePath
	for from, notify := range map[mail.Address]mail.Notify{{}: mail.NotifyFailure, ann: mail.NotifyNever} {
		e.ReversePath = from
		if _, ok, err := reporter.Report(e, time.Time{}, []mailflow.Fate{{Recipient: recipient("bob", notify), Action: dsn.Failed}}, unread); ok || err != nil {
			t.Errorf("from %q: %v, %v", from, ok, err)
		}
	}
	e.ReversePath = ann
	if _, _, err := reporter.Report(e, time.Time{}, []mailflow.Fate{{Recipient: recipient("bob", 0), Action: dsn.Failed}}, unread); err == nil {
		t.Error("content that cannot be opened is no error")
	}
}

// What the server writes by itself is never answered, and says what it needs.
func TestGeneratedEnvelope(t *testing.T) {
	for _, c := range []struct {
		to, content string
		utf8        bool
		body        mail.BodyType
	}{
		{"ann@example.org", "To: ann\r\n\r\nx", false, mail.Body7Bit},
		{"ann@example.org", "To: ann\r\n\r\né", false, mail.Body8BitMIME},
		{"änn@example.org", "To: ann\r\n\r\nx", true, mail.Body7Bit},
		{"ann@example.org", "To: änn\r\n\r\nx", true, mail.Body8BitMIME},
	} {
		to, err := mail.ParseAddress(c.to)
		if err != nil {
			t.Fatal(err)
		}
		e := mailflow.Generated{To: to, Content: []byte(c.content)}.Envelope("id1")
		if !e.ReversePath.IsNull() || len(e.Recipients) != 1 || e.Recipients[0].Address != to || e.Recipients[0].Notify != mail.NotifyNever ||
			e.SMTPUTF8 != c.utf8 || e.Body != c.body || e.ID != "id1" || e.Size != int64(len(c.content)) {
			t.Errorf("%+v: %+v", c, e)
		}
	}
}
