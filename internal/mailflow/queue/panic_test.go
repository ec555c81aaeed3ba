package queue

import (
	"io"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dsn"
	"github.com/mailmesh/mailmesh/internal/store/spool"
)

// A message that cannot be dealt with when it is reported does not end the process.
func TestReportPanics(t *testing.T) {
	to := mail.Recipient{Address: mail.Address{Local: "bob", Domain: "b.example"}}
	e := mail.Envelope{ReversePath: mail.Address{Local: "ann", Domain: "a.example"}, Recipients: []mail.Recipient{to}}
	j := &job{work: spool.Work{Message: spool.Message{Envelope: e}}}
	_, _, err := reportOf(mailflow.Reporter{Host: "mx.a.example"}, j, []mailflow.Fate{{Recipient: to, Action: dsn.Failed}}, func() (io.ReadCloser, error) { panic("on purpose") })
	if err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Error(err)
	}
}
