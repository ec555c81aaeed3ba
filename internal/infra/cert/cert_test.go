package cert

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSelfSignedIsKeptAndRenewed(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first, err := SelfSigned(dir, "mail.example.org", now)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mail.example.org", "localhost", "127.0.0.1", "::1"} {
		if err := first.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	again, err := SelfSigned(dir, "mail.example.org", now.Add(24*time.Hour))
	if err != nil || !bytes.Equal(first.Certificate[0], again.Certificate[0]) {
		t.Errorf("the second start made another certificate (%v)", err)
	}
	for what, next := range map[string]func() ([]byte, error){
		"near its end": func() ([]byte, error) {
			c, err := SelfSigned(dir, "mail.example.org", now.Add(lifetime-time.Hour))
			return c.Certificate[0], err
		},
		"another name": func() ([]byte, error) {
			c, err := SelfSigned(dir, "mx.example.net", now)
			return c.Certificate[0], err
		},
	} {
		if der, err := next(); err != nil || bytes.Equal(der, first.Certificate[0]) {
			t.Errorf("%s: no new certificate (%v)", what, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "self-signed.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is readable by others: %v %v", info.Mode(), err)
	}
}

func TestADamagedPairIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if _, err := SelfSigned(dir, "localhost", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "self-signed.key"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := SelfSigned(dir, "localhost", time.Now())
	if err == nil || !strings.Contains(err.Error(), "remove both") {
		t.Errorf("got %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none.crt"), filepath.Join(dir, "none.key")); err == nil {
		t.Error("loaded files that are not there")
	}
}
