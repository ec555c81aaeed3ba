package node

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
)

const keyText = `# made by tsig-keygen
key "mailmesh" {
	algorithm hmac-sha256;
	secret "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
};
`

func TestParseKey(t *testing.T) {
	name, secret, err := parseKey(keyText)
	if err != nil || name != "mailmesh" || string(secret) != "secret secret secret" {
		t.Errorf("read %q %q, %v", name, secret, err)
	}
	for text, want := range map[string]string{
		"":                "one key is wanted",
		keyText + keyText: "one key is wanted",
		strings.Replace(keyText, "hmac-sha256", "hmac-md5.sig-alg.reg.int", 1):    "tsig-keygen -a hmac-sha256",
		strings.Replace(keyText, `"c2VjcmV0IHNlY3JldCBzZWNyZXQ="`, `"not so"`, 1): "one key is wanted",
		strings.Replace(keyText, "c2VjcmV0", "!!", 1):                             "not base64",
	} {
		if _, _, err := parseKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A text is there for the authority, and gone after; where the server says no, the error does.
func TestZoneTexts(t *testing.T) {
	s := dnstest.Start(t, "127.0.0.1:0")
	s.Zone("example.org", "")
	secret, err := base64.StdEncoding.DecodeString("c2VjcmV0IHNlY3JldCBzZWNyZXQ=")
	if err != nil {
		t.Fatal(err)
	}
	s.Key("mailmesh", secret)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(keyText), 0o600); err != nil {
		t.Fatal(err)
	}
	z, err := newZoneTexts(s.Addr().String(), file, s.Resolver())
	if err != nil {
		t.Fatal(err)
	}
	const name = "_acme-challenge.mail.example.org"
	if err := z.AddText(t.Context(), name, "proof"); err != nil {
		t.Fatal(err)
	}
	if !has(t.Context(), s.Resolver(), name, "proof") {
		t.Error("the text is not there")
	}
	if err := z.RemoveText(t.Context(), name, "proof"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resolver().TXT(t.Context(), name); !dns.NotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
	if err := z.AddText(t.Context(), "_acme-challenge.mail.example.net", "proof"); err == nil {
		t.Error("put into a zone of others")
	}
	s.Fault("", dnstest.Silence)
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := z.AddText(soon, name, "proof"); err == nil {
		t.Error("no server, and no error")
	}
}
