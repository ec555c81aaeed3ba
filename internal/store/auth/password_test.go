package auth

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// cheap makes tests fast: a hash of these costs microseconds.
var cheap = Params{Memory: 8, Time: 1}

func TestHash(t *testing.T) {
	h := newHasher(cheap, 1)
	a, err := h.hash(t.Context(), "a secret")
	if err != nil || !strings.HasPrefix(string(a), "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatalf("%q, %v", a, err)
	}
	if b, _ := h.hash(t.Context(), "a secret"); a == b {
		t.Error("two hashes of one password are equal: no salt")
	}
	for _, c := range []struct {
		hash     Hash
		password string
		want     bool
	}{
		{a, "a secret", true}, {a, "a secreT", false}, {a, "", false}, {"", "a secret", false},
		// Made by another implementation, with other costs.
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password", true},
	} {
		if got, err := h.matches(t.Context(), c.hash, c.password); err != nil || got != c.want {
			t.Errorf("%q matches %q: %v, %v", c.password, c.hash, got, err)
		}
	}
}

func TestHashDamaged(t *testing.T) {
	for _, s := range []Hash{"x", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=16$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=0,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=0$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=1,p=1,x=2$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=1$$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AA", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$*"} {
		if ok, err := newHasher(cheap, 1).matches(t.Context(), s, "password"); ok || err == nil {
			t.Errorf("the damaged hash %q is compared with", s)
		}
	}
}

func TestPrepare(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"correct horse", "correct horse"},
		{"Case Is Kept", "Case Is Kept"},
		{"e\u0301tude123", "étude123"},    // RFC 8265 4.2.2: NFC
		{"wide\u00a0space", "wide space"}, // and other spaces become U+0020
		{"ﬁligree", "ﬁligree"},            // but no compatibility mapping
		{"", "-"}, {"tab\there", "-"}, {"nul\x00", "-"}, {"bad\xff", "-"},
		{strings.Repeat("x", MaxPassword), strings.Repeat("x", MaxPassword)},
		{strings.Repeat("x", MaxPassword+1), "-"},
	} {
		got, err := prepare(c.in)
		if (err != nil) != (c.want == "-") || err == nil && got != c.want {
			t.Errorf("%q is prepared to %q, %v", c.in, got, err)
		}
	}
}

func TestHashPasswordRefuses(t *testing.T) {
	s := New(Options{Params: cheap})
	for _, c := range []struct {
		in string
		ok bool
	}{{"1234567", false}, {"12345678", true}, {"sieben7", false}, {"éééééééé", true}, {"with\nnewline", false}, {strings.Repeat("x", 1025), false}} {
		if _, err := s.HashPassword(t.Context(), c.in); (err == nil) != c.ok || err != nil && !mail.Is(err, mail.Invalid) {
			t.Errorf("%.20q: %v", c.in, err)
		}
	}
}

// Only so many hashes run at once, only so many wait, and none waits for ever.
func TestHasherBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(cheap, 2)
		leave1, _ := h.enter(t.Context())
		leave2, _ := h.enter(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		enter := func(ctx context.Context) {
			_, err := h.enter(ctx)
			errs <- err
		}
		go enter(ctx)
		for range maxHashWaiting - 1 {
			go enter(t.Context())
		}
		synctest.Wait()
		if _, err := h.enter(t.Context()); !mail.Is(err, mail.Limit) {
			t.Errorf("one more waits: %v", err)
		}
		cancel()
		if err := <-errs; !mail.Is(err, mail.Unavailable) {
			t.Errorf("a cancelled wait ends with %v", err)
		}
		leave1()
		if err := <-errs; err != nil {
			t.Errorf("a free place is not taken: %v", err)
		}
		for range maxHashWaiting - 2 { // the clock moves when all wait
			if err := <-errs; !mail.Is(err, mail.Limit) {
				t.Errorf("a long wait ends with %v", err)
			}
		}
		leave2()
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseHash(Hash(s))
		if err != nil {
			return
		}
		if b, err := parseHash(a.phc()); err != nil || b.phc() != a.phc() {
			t.Fatalf("%q is read as %q, which is read as %q, %v", s, a.phc(), b.phc(), err)
		}
	})
}
