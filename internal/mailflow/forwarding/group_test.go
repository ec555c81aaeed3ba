package forwarding

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/test/requirements"
)

func TestRequirements(t *testing.T) {
	requirements.Check(t, "../../..", "mail of groups", []string{"List-Post, List-Owner", "List-Id", "Auto-Submitted"})
}

// Whatever a group is called, its fields are fields, each once.
func TestGroupFields(t *testing.T) {
	for _, c := range []struct{ local, name, id, post, owner string }{
		{"team", "", "<team.example.org>", "<mailto:team@example.org>", "<mailto:team+owner@example.org>"},
		{"team.one", `A "good" one, <really>`, "A good one really <team.one.example.org>", "<mailto:team.one@example.org>", "<mailto:team.one+owner@example.org>"},
		{"a/b?c", "", "<a_b_c.example.org>", "<mailto:a%2Fb%3Fc@example.org>", "<mailto:a%2Fb%3Fc+owner@example.org>"},
		{"a b", "", "<a_b.example.org>", "<mailto:%22a%20b%22@example.org>", "<mailto:%22a%20b+owner%22@example.org>"},
		{"grüße", "Grüße an alle, die es angeht und noch viele mehr, damit es lang genug für zwei Zeilen ist", "", "<mailto:gr%C3%BC%C3%9Fe@example.org>", ""},
	} {
		fields := groupFields(mail.Group{Address: mail.Address{Local: c.local, Domain: "example.org"}, Name: c.name})
		got := map[string]string{}
		for f := range header.Fields([]byte(fields)) {
			name := string(f.Name)
			if _, twice := got[name]; twice {
				t.Errorf("%s: %s is there twice", c.local, name)
			}
			got[name] = strings.TrimSpace(f.Value())
		}
		for name, want := range map[string]string{"List-Id": c.id, "List-Post": c.post, "List-Owner": c.owner, "Precedence": "list"} {
			if got[name] != want && want != "" {
				t.Errorf("%s: %s is %q, want %q", c.local, name, got[name], want)
			}
		}
		if len(got) != 5 || got["Delivered-To"] != (mail.Address{Local: c.local, Domain: "example.org"}).String() {
			t.Errorf("%s: fields are %q", c.local, fields)
		}
		if id := header.DecodeWords(got["List-Id"]); c.id == "" && id != "Grüße an alle die es angeht und noch viele mehr damit es lang genug für zwei Zeilen ist <gr__e.example.org>" {
			t.Errorf("List-Id is %q", id)
		}
		for line := range strings.SplitSeq(fields, "\r\n") {
			if len(line) > 90 || strings.ContainsAny(line, "\r\n") {
				t.Errorf("%s: the line %q", c.local, line)
			}
		}
	}
}
