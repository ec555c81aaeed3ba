package srs

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func address(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Unix(1_700_000_000, 0)} }

func TestForwardAndBack(t *testing.T) {
	w := New([]byte("secret"), newClock().now)
	theirs := New([]byte("other"), newClock().now)
	forward := func(w *Rewriter, s, domain string) mail.Address {
		t.Helper()
		a, err := w.Forward(address(s), domain)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		return a
	}
	first := forward(theirs, "ann@example.org", "theirs.example")
	second := forward(w, first.String(), "ours.example")
	third := forward(theirs, second.String(), "third.example")
	for _, c := range []struct {
		w    *Rewriter
		a    mail.Address
		form string
		want string
	}{
		{theirs, first, "SRS0=", "ann@example.org"},
		{w, second, "SRS1=", first.String()},
		{theirs, third, "SRS1=", first.String()}, // past the one between
		{w, forward(w, `"a b"@example.org`, "ours.example"), "SRS0=", `"a b"@example.org`},
		{w, forward(w, "a=b=c@example.org", "ours.example"), "SRS0=", "a=b=c@example.org"},
		{w, forward(w, "srs0@example.org", "ours.example"), "SRS0=", "srs0@example.org"},
		{w, forward(w, "Ann@[192.0.2.1]", "ours.example"), "SRS0=", "Ann@[192.0.2.1]"},
	} {
		if !strings.HasPrefix(c.a.Local, c.form) || !Is(c.a) {
			t.Errorf("%s is written as %s", c.want, c.a)
		}
		back, err := c.w.Reverse(c.a)
		if err != nil || back.String() != c.want {
			t.Errorf("%s leads back to %s, %v, want %s", c.a, back, err, c.want)
		}
	}
	// What needs no rewriting is left alone.
	for _, s := range []string{"bob@ours.example"} {
		if a := forward(w, s, "ours.example"); a.String() != s || Is(a) {
			t.Errorf("%s became %s", s, a)
		}
	}
	if a, err := w.Forward(mail.Address{}, "ours.example"); err != nil || !a.IsNull() {
		t.Errorf("the null reverse-path became %s, %v", a, err)
	}
}

// Case may change on the way; nothing else may.
func TestForged(t *testing.T) {
	c := newClock()
	w := New([]byte("secret"), c.now)
	for _, from := range []string{"ann@example.org", "SRS0=aaaaaa=bb=example.org=ann@theirs.example"} {
		a, err := w.Forward(address(from), "ours.example")
		if err != nil {
			t.Fatal(err)
		}
		for _, changed := range []string{strings.ToLower(a.Local), strings.ToUpper(a.Local)} {
			if back, err := w.Reverse(mail.Address{Local: changed, Domain: a.Domain}); err != nil || !strings.EqualFold(back.String(), from) {
				t.Errorf("%s leads to %s, %v", changed, back, err)
			}
		}
		for i := 5; i < len(a.Local); i++ {
			b := []byte(a.Local)
			b[i] = '0' + (b[i]+1)%10
			if back, err := w.Reverse(mail.Address{Local: string(b), Domain: a.Domain}); err == nil {
				t.Errorf("%s leads to %s", b, back)
			}
		}
		if back, err := w.Reverse(mail.Address{Local: a.Local, Domain: "another.example"}); !mail.Is(err, mail.NotFound) {
			t.Errorf("at another domain of ours it leads to %s, %v", back, err)
		}
		if back, err := New([]byte("another"), c.now).Reverse(a); !mail.Is(err, mail.NotFound) {
			t.Errorf("under another secret it leads to %s, %v", back, err)
		}
	}
	for _, local := range []string{"ann", "SRS0", "SRS0=", "SRS0=a", "SRS0=a=b", "SRS0=a=bb=", "SRS0=a=bb==x", "SRS1=a", "SRS1=a==", "SRS1=a=h=x", "SRS2=a=b=c=d", "SRS0+a+b+c+d", "SRS0=aaaaaa=~~=x=y"} {
		if back, err := w.Reverse(mail.Address{Local: local, Domain: "ours.example"}); !mail.Is(err, mail.NotFound) {
			t.Errorf("%s leads to %s, %v", local, back, err)
		}
	}
}

// An address is good for Valid, and never again, whatever the day's two characters say later.
func TestExpires(t *testing.T) {
	for _, from := range []string{"ann@example.org", "SRS0=aaaaaa=bb=example.org=ann@theirs.example"} {
		c := newClock()
		w := New([]byte("secret"), c.now)
		a, err := w.Forward(address(from), "ours.example")
		if err != nil {
			t.Fatal(err)
		}
		start := c.at
		for day := range int64(2*days + 100) {
			c.at = start.AddDate(0, 0, int(day))
			_, err := w.Reverse(a)
			if (err == nil) != (day <= validDays) {
				t.Fatalf("%s after %d days: %v", a, day, err)
			}
		}
	}
}

func TestTooLong(t *testing.T) {
	w := New([]byte("secret"), newClock().now)
	for _, from := range []string{strings.Repeat("a", 40) + "@example.org", `"` + strings.Repeat(`\"`, 20) + `"@x.example`} {
		if a, err := w.Forward(address(from), "ours.example"); !mail.Is(err, mail.TooLarge) {
			t.Errorf("%s became %s, %v", from, a, err)
		}
	}
}

// A token comes back, and is as hard to forge as an address.
func TestShort(t *testing.T) {
	c := newClock()
	w := New([]byte("secret"), c.now)
	const token = "0123456789ABCDEV"
	a := w.Short(token, "ours.example")
	if !Is(a) || len(a.Local) > mail.MaxLocalLength {
		t.Errorf("it is %s", a)
	}
	for _, local := range []string{a.Local, strings.ToLower(a.Local)} {
		if back, err := w.Reverse(mail.Address{Local: local, Domain: a.Domain}); err != nil || back != (mail.Address{Local: token}) {
			t.Errorf("%s leads to %+v, %v", local, back, err)
		}
	}
	for i := 5; i < len(a.Local); i++ {
		b := []byte(a.Local)
		b[i] = '0' + (b[i]+1)%10
		if back, err := w.Reverse(mail.Address{Local: string(b), Domain: a.Domain}); err == nil {
			t.Errorf("%s leads to %s", b, back)
		}
	}
	c.at = c.at.Add(Valid + 25*time.Hour)
	if _, err := w.Reverse(a); !mail.Is(err, mail.NotFound) {
		t.Errorf("later: %v", err)
	}
}

func FuzzReverse(f *testing.F) {
	w := New([]byte("secret"), newClock().now)
	for _, s := range []string{"ann@example.org", "SRS0=aaaaaa=bb=example.org=ann@theirs.example", "SRS1=aaaaaa=x==bb=y=z@theirs.example"} {
		a, err := w.Forward(address(s), "ours.example")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Local)
		f.Add(address(s).Local)
	}
	f.Fuzz(func(t *testing.T, local string) {
		a, err := mail.ParseAddress(mail.Address{Local: local, Domain: "ours.example"}.String())
		if err != nil {
			return
		}
		back, err := w.Reverse(a)
		if err != nil {
			return
		}
		if back.Domain == "" { // a token
			if again := w.Short(back.Local, a.Domain); !strings.EqualFold(again.Local, a.Local) {
				t.Fatalf("%s leads to the token of %s", a, again)
			}
			return
		}
		// What is taken was made here: the way there and back again is the same.
		again, err := w.Forward(back, "ours.example")
		if err != nil || !strings.EqualFold(again.String(), a.String()) {
			t.Fatalf("%s leads to %s, which is written %s, %v", a, back, again, err)
		}
	})
}

// Whatever fits goes and comes back, through any number of servers.
func TestChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := mail.Address{Local: rapid.StringMatching(`[a-zA-Z0-9=+.-]{1,12}`).Draw(t, "local"), Domain: "a.example"}
		if Is(from) {
			return
		}
		path := []mail.Address{from}
		c := newClock()
		var servers []*Rewriter
		for i := range rapid.IntRange(1, 5).Draw(t, "hops") {
			w := New([]byte{byte(i)}, c.now)
			domain := string(rune('p'+i)) + ".example"
			a, err := w.Forward(path[i], domain)
			if err != nil {
				t.Fatal(err)
			}
			servers, path = append(servers, w), append(path, a)
		}
		at := path[len(path)-1]
		for hops := 0; at != from; hops++ {
			back, err := servers[at.Domain[0]-'p'].Reverse(at)
			if err != nil || hops > 2 {
				t.Fatalf("%s after %d hops: %v", at, hops, err)
			}
			at = back
		}
	})
}
