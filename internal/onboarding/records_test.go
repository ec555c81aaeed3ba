package onboarding

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
)

var update = flag.Bool("update", os.Getenv("UPDATE") != "", "write the expected files")

func facts() Facts {
	return Facts{
		Hostname: "mail.example.org", Domain: "example.org",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::25")},
		Services:  []Service{{"imap", 993, true}, {"imap", 143, false}, {"smtp", 465, true}, {"smtp", 587, false}, {"jmap", 443, true}},
		Keys: []Key{{Name: "rsa-a._domainkey.example.org", Text: "v=DKIM1; k=rsa; p=" + strings.Repeat("x", 392)},
			{Name: "ed25519-b._domainkey.example.org", Text: "v=DKIM1; k=ed25519; p=yyyy", Note: "signs after the next rotation"}},
		Policy:  mtasts.Policy{Mode: mtasts.Enforce, Hosts: []string{"mail.example.org"}, MaxAge: 7 * 24 * time.Hour},
		KeyHash: strings.Repeat("ab", 32), HTTPS: true,
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s: it is (%v)\n%s", path, err, got)
	}
}

// What is printed is a zone: a name server takes it as it stands, and then says what was meant.
func TestZone(t *testing.T) {
	zone := Zone(Records(facts()))
	golden(t, "example.org.zone", zone)
	s := dnstest.Start(t, "127.0.0.1:0")
	s.Zone(".", zone)
	r := s.Resolver()
	for _, key := range facts().Keys {
		if found, err := r.TXT(t.Context(), key.Name); err != nil || found.Records[0] != key.Text {
			t.Errorf("%s: %q, %v", key.Name, found.Records, err)
		}
	}
	if found, err := r.MX(t.Context(), "example.org"); err != nil || found.Records[0].Host != "mail.example.org" {
		t.Errorf("MX: %v, %v", found.Records, err)
	}
	for _, a := range facts().Addresses {
		if found, err := r.PTR(t.Context(), a); err != nil || found.Records[0] != "mail.example.org" {
			t.Errorf("PTR of %v: %v, %v", a, found.Records, err)
		}
	}
	if found, err := r.TLSA(t.Context(), "_25._tcp.mail.example.org"); err != nil || found.Records[0].Usage != 3 || len(found.Records[0].Data) != 32 {
		t.Errorf("TLSA: %v, %v", found.Records, err)
	}
	if id, err := mtasts.ParseRecord([]string{"v=STSv1; id=" + PolicyID(facts().Policy)}); err != nil || id == "" {
		t.Errorf("id %q, %v", id, err)
	}
}

func TestRecordsOfLittle(t *testing.T) {
	f := Facts{Hostname: "example.org", Domain: "example.org", Smarthost: true}
	zone := Zone(Records(f))
	for _, want := range []string{"A      ADDRESS", "name the smarthost", "_imaps._tcp.example.org.        SRV    0 0 0 .\n"} {
		if !strings.Contains(zone, want) {
			t.Errorf("it does not say %q:\n%s", want, zone)
		}
	}
	for _, not := range []string{"TLSA", "DNSSEC", "v=spf1 a", "mta-sts", "autoconfig"} {
		if strings.Contains(zone, not) {
			t.Errorf("it says %q:\n%s", not, zone)
		}
	}
	other := facts().Policy
	other.Hosts = []string{"mx.example.org"}
	if PolicyID(other) == PolicyID(facts().Policy) {
		t.Error("two policies have one id")
	}
}
