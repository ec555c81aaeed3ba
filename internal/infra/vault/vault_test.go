package vault

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// service answers as the API documentation of the key-value store of version 2 says.
type service struct {
	*httptest.Server
	sealed int // so often it is
	asked  int
}

func start(t *testing.T) (s *service, env map[string]string) {
	s = new(service)
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, map[string]string{"VAULT_CACERT": ca, "VAULT_TOKEN": "right"}
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked++
	switch {
	case s.asked <= s.sealed:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"errors":["Vault is sealed"]}`)
	case r.Header.Get("X-Vault-Token") != "right":
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"errors":["permission denied"]}`)
	case r.URL.Path == "/v1/kv/data/mail/odd":
		fmt.Fprint(w, "<html>")
	case r.URL.Path != "/v1/kv/data/mail/mesh" || r.Header.Get("X-Vault-Namespace") != "":
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[]}`)
	default:
		fmt.Fprint(w, `{"request_id":"x","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":{"key":"the secret","number":7},"metadata":{"version":3}}}`)
	}
}

func read(t *testing.T, s *service, env map[string]string, place string) (string, error) {
	t.Helper()
	c, err := New(func(name string) string { return env[name] })
	if err != nil {
		return "", err
	}
	c.Pause = func(context.Context, time.Duration) {}
	p, err := Parse("vault://" + s.Listener.Addr().String() + place)
	if err != nil {
		return "", err
	}
	return c.Read(t.Context(), p)
}

func TestRead(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("right\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		place, says string
		env         map[string]string
		sealed      int
		kind        mail.Kind
	}{
		"there":               {place: "/kv/mail/mesh#key"},
		"token in a file":     {place: "/kv/mail/mesh#key", env: map[string]string{"VAULT_TOKEN": "", "VAULT_TOKEN_FILE": token}},
		"sealed for a while":  {place: "/kv/mail/mesh#key", sealed: tries - 1},
		"sealed":              {place: "/kv/mail/mesh#key", sealed: tries, kind: mail.Unavailable, says: "503"},
		"other token":         {place: "/kv/mail/mesh#key", env: map[string]string{"VAULT_TOKEN": "wrong"}, kind: mail.Denied, says: "this token"},
		"no token":            {place: "/kv/mail/mesh#key", env: map[string]string{"VAULT_TOKEN": ""}, kind: mail.Invalid, says: "VAULT_TOKEN_FILE"},
		"token file gone":     {place: "/kv/mail/mesh#key", env: map[string]string{"VAULT_TOKEN": "", "VAULT_TOKEN_FILE": token + "x"}, kind: mail.Invalid, says: "no such file"},
		"other path":          {place: "/kv/mail/other#key", kind: mail.NotFound, says: "kv/mail/other"},
		"other namespace":     {place: "/kv/mail/mesh#key", env: map[string]string{"VAULT_NAMESPACE": "x"}, kind: mail.NotFound, says: "nothing at"},
		"other field":         {place: "/kv/mail/mesh#other", kind: mail.NotFound, says: "field other"},
		"no text":             {place: "/kv/mail/mesh#number", kind: mail.NotFound, says: "no text"},
		"another service":     {place: "/kv/mail/odd#key", kind: mail.Invalid, says: "version 2"},
		"no field":            {place: "/kv/mail/mesh", kind: mail.Invalid, says: "#field"},
		"no path":             {place: "/kv#key", kind: mail.Invalid, says: "#field"},
		"unknown authority":   {place: "/kv/mail/mesh#key", env: map[string]string{"VAULT_CACERT": ""}, kind: mail.Unavailable, says: "certificate"},
		"authority not there": {place: "/kv/mail/mesh#key", env: map[string]string{"VAULT_CACERT": token + "x"}, kind: mail.Invalid, says: "VAULT_CACERT"},
	} {
		t.Run(name, func(t *testing.T) {
			s, env := start(t)
			s.sealed = tt.sealed
			for name, value := range tt.env {
				env[name] = value
			}
			got, err := read(t, s, env, tt.place)
			switch {
			case tt.says == "" && (err != nil || got != "the secret"):
				t.Errorf("read %q, %v", got, err)
			case tt.says != "" && (!mail.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "the secret")):
				t.Errorf("read %q, %v, want an error that says %q", got, err, tt.says)
			}
		})
	}
}

func TestParse(t *testing.T) {
	if p, err := Parse("vault://vault.example.org:8200/secret/a/b#key"); err != nil || p != (Place{"vault.example.org:8200", "secret", "a/b", "key"}) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, text := range []string{"", "https://x/a/b#c", "vault:///a/b#c", "vault://token@x/a/b#c", "vault://x/a/b?x=y#c", "vault://x/a#c", "vault://x/a/b"} {
		if _, err := Parse(text); !mail.Is(err, mail.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
