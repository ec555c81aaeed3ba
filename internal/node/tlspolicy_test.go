package node

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/config"
)

// Reports to other domains come from the oldest domain that is not switched off, and bear its signatures (RFC 8460 3).
func TestReportsAreSigned(t *testing.T) {
	cfg := config.Default()
	cfg.Data, cfg.Hostname = t.TempDir(), "mx.example.org"
	r, err := openRooms(t.Context(), cfg, slog.New(slog.DiscardHandler), newMeters())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	if from, ok, err := r.reportSender(t.Context()); ok || err != nil {
		t.Errorf("without a domain: %v, %v, %v", from, ok, err)
	}
	for _, domain := range []string{"z.example", "a.example"} {
		if _, err := r.provision.AddDomain(t.Context(), domain); err != nil {
			t.Fatal(err)
		}
	}
	from, ok, err := r.reportSender(t.Context())
	if !ok || err != nil || from.Local != "postmaster" {
		t.Fatalf("%v, %v, %v", from, ok, err)
	}
	const report = "From: <postmaster@z.example>\r\nSubject: x\r\n\r\nbody\r\n"
	signed, err := r.sign(t.Context(), from, []byte(report))
	fields, found := strings.CutSuffix(string(signed), report)
	if err != nil || !found || strings.Count(fields, "DKIM-Signature: ") != 2 || strings.Count(fields, "d="+from.Domain+";") != 2 {
		t.Errorf("%v: %q", err, signed)
	}
	sends := func(c chore) bool { return c.name == "report to other domains how TLS went" }
	if !slices.ContainsFunc((&Node{rooms: r, cfg: cfg}).choreList(), sends) {
		t.Error("nothing sends them")
	}
}
