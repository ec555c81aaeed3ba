//go:build system

package interop

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// queued is a recipient that mail waits for, as "mailmesh queue list --json" tells.
type queued struct {
	Address  string
	State    string
	Attempts int
	Last     string
}

// queue returns the recipients at a domain that mail waits for.
func (m *mailmesh) queue(t *testing.T, domain string) (all []queued) {
	t.Helper()
	list := json.NewDecoder(strings.NewReader(m.run("", "queue", "list", "--json", "--domain", domain)))
	for {
		var message struct{ Recipients []queued }
		if err := list.Decode(&message); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		for _, r := range message.Recipients {
			if strings.HasSuffix(r.Address, "@"+domain) {
				all = append(all, r)
			}
		}
	}
}

// isDeferred waits until mail to a recipient has been tried, more often than before, and waits for the next time. It returns how often
// that was.
func (m *mailmesh) isDeferred(t *testing.T, recipient string, before int) (attempts int) {
	t.Helper()
	_, domain, _ := strings.Cut(recipient, "@")
	await(t, "mail to "+recipient+" was tried and waits", func() bool {
		for _, r := range m.queue(t, domain) {
			if r.Address == recipient && r.State == "waiting" && r.Attempts > before {
				attempts = r.Attempts
			}
		}
		return attempts > 0
	})
	return attempts
}

// retry tries all mail to a domain now, as an operator asks.
func (m *mailmesh) retry(t *testing.T, domain string) {
	t.Helper()
	m.run("", "queue", "retry", "--domain", domain)
}
