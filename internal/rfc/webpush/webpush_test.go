package webpush

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// The example of RFC 8291 5, with the values of its appendix A.
const (
	examplePlaintext = "When I grow up, I want to be a watermelon"
	examplePublic    = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	examplePrivate   = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	exampleAuth      = "BTBZMqHH6r4Tts7J_aSIgg"
	exampleSender    = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
	exampleSalt      = "DGv6ra1nlYgDCS1FRnbzlw"
	exampleBody      = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A" +
		"_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func privateKey(t testing.TB, text string) *ecdh.PrivateKey {
	t.Helper()
	key, err := ecdh.P256().NewPrivateKey(bytesOf(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestExampleOfRFC8291(t *testing.T) {
	to, err := ParseKeys(examplePublic, exampleAuth)
	if err != nil {
		t.Fatal(err)
	}
	body, err := encrypt([]byte(examplePlaintext), to, privateKey(t, exampleSender), bytesOf(t, exampleSalt))
	if err != nil || !bytes.Equal(body, bytesOf(t, exampleBody)) {
		t.Errorf("encrypted: %x, %v", body, err)
	}
	text, err := Decrypt(bytesOf(t, exampleBody), privateKey(t, examplePrivate), bytesOf(t, exampleAuth))
	if err != nil || string(text) != examplePlaintext {
		t.Errorf("decrypted: %q, %v", text, err)
	}
}

func TestEncrypt(t *testing.T) {
	to, err := ParseKeys(examplePublic+"=", exampleAuth+"==")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "x", strings.Repeat("x", MaxPlaintext)} {
		a, err := Encrypt([]byte(text), to)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Encrypt([]byte(text), to)
		if bytes.Equal(a[:16], b[:16]) || bytes.Equal(a[21:86], b[21:86]) {
			t.Error("a salt or a key is used twice")
		}
		if len(a) > 4096 {
			t.Errorf("the body has %d bytes", len(a))
		}
		if got, err := Decrypt(a, privateKey(t, examplePrivate), to.Auth); err != nil || string(got) != text {
			t.Errorf("%d bytes come back as %d, %v", len(text), len(got), err)
		}
		a[len(a)-1] ^= 1
		if _, err := Decrypt(a, privateKey(t, examplePrivate), to.Auth); err == nil {
			t.Error("a body that was changed is read")
		}
	}
	if _, err := Encrypt(make([]byte, MaxPlaintext+1), to); !errors.Is(err, ErrTooLong) {
		t.Errorf("a message that is too long: %v", err)
	}
}

func TestParseKeys(t *testing.T) {
	for name, k := range map[string][2]string{
		"short auth":       {examplePublic, "BTBZMqHH6r4Tts7J"},
		"no auth":          {examplePublic, ""},
		"not base64url":    {examplePublic, "BTBZMqHH6r4Tts7J/aSIgg"},
		"no key":           {"", exampleAuth},
		"not on the curve": {base64.RawURLEncoding.EncodeToString(append([]byte{4}, make([]byte, 64)...)), exampleAuth},
		"compressed":       {base64.RawURLEncoding.EncodeToString(append([]byte{2}, make([]byte, 32)...)), exampleAuth},
	} {
		if _, err := ParseKeys(k[0], k[1]); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestServer(t *testing.T) {
	s, err := NewServer([]byte("secret"), "mailto:postmaster@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := NewServer([]byte("secret"), ""); again.PublicKey() != s.PublicKey() {
		t.Error("two nodes are two servers")
	}
	if other, _ := NewServer([]byte("other"), ""); other.PublicKey() == s.PublicKey() {
		t.Error("every server is the same")
	}
	now := time.Unix(1453523768, 0)
	field, err := s.Authorization("https://push.example.net:8443/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", now)
	if err != nil {
		t.Fatal(err)
	}
	c, key, err := Verify(field)
	if want := (Claims{"https://push.example.net:8443", now.Add(tokenLife).Unix(), "mailto:postmaster@example.org"}); err != nil || c != want || key != s.PublicKey() {
		t.Errorf("%s says %v, %v", field, c, err)
	}
	if _, _, err := Verify(strings.Replace(field, "vapid t=ey", "vapid t=eX", 1)); err == nil {
		t.Error("a token that was changed is good")
	}
}

// The example of RFC 8292 2.4.
func TestExampleOfRFC8292(t *testing.T) {
	c, _, err := Verify("vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6" +
		"Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, " +
		"k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs")
	if want := (Claims{"https://push.example.net", 1453523768, "mailto:push@example.com"}); err != nil || c != want {
		t.Errorf("%v, %v", c, err)
	}
}

func FuzzDecrypt(f *testing.F) {
	own, _ := ecdh.P256().GenerateKey(rand.Reader)
	to := Keys{own.PublicKey(), make([]byte, 16)}
	body, _ := Encrypt([]byte("x"), to)
	f.Add(body)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) { Decrypt(b, own, to.Auth) })
}
