package dns

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/miekg/dns"
)

func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.says(map[string][]string{
			"MX minute.example.org": {"minute.example.org. 60 MX 10 a.example.org.", "minute.example.org. 900 MX 20 b.example.org."},
			"MX day.example.org":    {"day.example.org. 86400 MX 10 a.example.org."},
			"MX alias.example.org":  {"alias.example.org. 30 CNAME x.example.org.", "x.example.org. 300 MX 10 a.example.org."},
			"MX never.example.org":  {"never.example.org. 0 MX 10 a.example.org."},
			"MX sign.example.org":   {"sign.example.org. 4294967295 MX 10 a.example.org."},
			"MX none.example.org":   {"[example.org. 20 IN SOA ns.example.org. p.example.org. 1 2 3 4 300]"},
			"MX long.example.org":   {"[example.org. 86400 IN SOA ns.example.org. p.example.org. 1 2 3 4 86400]"},
			"MX nosoa.example.org":  {"NXDOMAIN"},
			"MX fail.example.org":   {"SERVFAIL"},
		})
		r := w.resolver(Options{})
		for _, c := range []struct {
			name string
			keep time.Duration
		}{
			{"minute.example.org", time.Minute}, {"day.example.org", maxKeep}, {"alias.example.org", 30 * time.Second}, {"never.example.org", 0},
			{"sign.example.org", 0}, {"none.example.org", 20 * time.Second}, {"long.example.org", maxKeepNone}, {"nosoa.example.org", 0},
			{"void.example.org", 5 * time.Minute}, {"fail.example.org", keepFailure},
		} {
			w.asked = nil
			first, err1 := r.MX(t.Context(), c.name)
			if c.keep > 0 {
				time.Sleep(c.keep - 1)
				second, err2 := r.MX(t.Context(), strings.ToUpper(c.name))
				if text(first) != text(second) || fmt.Sprint(err1) != fmt.Sprint(err2) {
					t.Errorf("%s: first %v %v, then %v %v", c.name, first, err1, second, err2)
				}
				if len(w.asked) != 1 {
					t.Errorf("%s is not kept for %v: %q", c.name, c.keep, w.asked)
				}
			}
			time.Sleep(time.Nanosecond)
			r.MX(t.Context(), c.name)
			if len(w.asked) < 2 {
				t.Errorf("%s is kept for more than %v", c.name, c.keep)
			}
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCache(100_000)
	now := time.Now()
	for i := range 1000 {
		c.put(question{fmt.Sprintf("%d.example.org", i), wire.TypeMX}, &finding{keep: time.Hour, wireBytes: i}, now)
		c.get(question{"0.example.org", wire.TypeMX}, now)
	}
	if c.used > c.size || c.order.Len() != len(c.entries) || len(c.entries) < 10 {
		t.Errorf("%d entries, %d listed, %d bytes", len(c.entries), c.order.Len(), c.used)
	}
	if c.get(question{"0.example.org", wire.TypeMX}, now) == nil || c.get(question{"1.example.org", wire.TypeMX}, now) != nil {
		t.Error("what is used goes before what is not")
	}
	c.put(question{"huge.example.org", wire.TypeMX}, &finding{keep: time.Hour, wireBytes: 1 << 20}, now)
	if c.used != 0 || len(c.entries) != 0 {
		t.Errorf("what cannot fit leaves %d bytes", c.used)
	}
}
