package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/miekg/dns"
)

func TestServersInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: func(_, server string, query *wire.Msg) *wire.Msg {
			if server == "127.0.0.1:53" {
				return nil
			}
			return reply(t, query, "AD", query.Question[0].Name+" 300 MX 10 a.example.org.")
		}}
		second := netip.MustParseAddrPort("127.0.0.2:53")
		r := w.resolver(Options{Servers: []netip.AddrPort{local, second}})
		start := time.Now()
		for i := range 3 { // the first is silent, and then asked last for a while
			if _, err := r.MX(t.Context(), fmt.Sprintf("%d.example.org", i)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != defaultTimeout {
			t.Errorf("three questions took %v", took)
		}
		time.Sleep(avoidFor)
		r.MX(t.Context(), "later.example.org")
		want := []string{"udp 127.0.0.1:53 MX 0.example.org", "udp 127.0.0.2:53 MX 0.example.org", "udp 127.0.0.2:53 MX 1.example.org",
			"udp 127.0.0.2:53 MX 2.example.org", "udp 127.0.0.1:53 MX later.example.org", "udp 127.0.0.2:53 MX later.example.org"}
		if !slices.Equal(w.asked, want) {
			t.Errorf("asked %q", w.asked)
		}
	})
}

// What a validating resolver calls bogus must not come in by another.
func TestDoubt(t *testing.T) {
	w := &world{t: t, answer: func(_, server string, query *wire.Msg) *wire.Msg {
		if server == "127.0.0.1:53" {
			m := reply(t, query, "SERVFAIL").SetEdns0(maxUDP, true)
			m.IsEdns0().Option = []wire.EDNS0{&wire.EDNS0_EDE{InfoCode: wire.ExtendedErrorCodeDNSBogus, ExtraText: "the signature is over"}}
			return m
		}
		return reply(t, query, "example.org. 300 MX 10 evil.example.net.")
	}}
	far, near := netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("127.0.0.3:53")
	r := w.resolver(Options{Servers: []netip.AddrPort{local, far}})
	_, err := r.MX(t.Context(), "example.org")
	if err == nil || errorText(err) != `Unavailable: 127.0.0.1:53: SERVFAIL (DNSSEC Bogus"the signature is over")` || len(w.asked) != 1 {
		t.Errorf("%v, asked %q", err, w.asked)
	}
	if answer, err := w.resolver(Options{Servers: []netip.AddrPort{local, near}}).MX(t.Context(), "example.org"); err != nil {
		t.Errorf("another trusted one answers: %v, %v", answer, err)
	}
}

func TestCallersShareOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.answer = func(_, _ string, query *wire.Msg) *wire.Msg {
			time.Sleep(time.Second)
			return reply(t, query, "example.org. 300 MX 10 a.example.org.")
		}
		r := w.resolver(Options{})
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := r.MX(short, "example.org"); !Temporary(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who cannot wait: %v", err)
		}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, err := r.MX(t.Context(), "example.org"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(w.asked) != 1 {
			t.Errorf("asked %d times", len(w.asked))
		}
	})
}

func TestResolvConf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "resolv.conf")
		write := func(text string, at time.Time) {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, at, at); err != nil {
				t.Fatal(err)
			}
		}
		write("domain x\nnameserver 192.0.2.1 # one\n;nameserver 192.0.2.9\nnameserver nonsense\nnameserver fe80::1%lo\nnameserver ::1\nnameserver 192.0.2.4\noptions timeout:99 attempts:0 rotate\n", time.Now())
		s := newServers(Options{ResolvConf: name, Now: time.Now})
		expect := func(want string) {
			t.Helper()
			p := s.current()
			var got string
			for _, server := range p.servers {
				got += fmt.Sprintf("%v %v, ", server.addr, server.trusted)
			}
			if got += fmt.Sprint(p.timeout, p.attempts); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		}
		expect("192.0.2.1:53 false, [fe80::1%lo]:53 false, [::1]:53 true, 30s 1")
		write("nameserver 192.0.2.2\n", time.Now().Add(time.Second))
		expect("192.0.2.1:53 false, [fe80::1%lo]:53 false, [::1]:53 true, 30s 1")
		time.Sleep(rereadAfter)
		expect("192.0.2.2:53 false, 5s 2")
		if err := os.Remove(name); err != nil { // as some programs do before they write it anew
			t.Fatal(err)
		}
		time.Sleep(rereadAfter)
		expect("192.0.2.2:53 false, 5s 2")
	})
}
