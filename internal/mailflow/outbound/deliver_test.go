package outbound

import (
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// inBubble runs a test with a network and a host mx.them.example at 192.0.2.1, and a second one with preference 20.
func inBubble(t *testing.T, test func(t *testing.T, n *internet, first, second *fakeHost)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newInternet(t)
		n.domain("them.example", "10 mx.them.example", "20 mx2.them.example")
		first, second := n.host(plainHost("mx.them.example"), "192.0.2.1"), n.host(plainHost("mx2.them.example"), "192.0.2.2")
		test(t, n, first, second)
	})
}

const (
	byFirst  = " by mx.them.example [192.0.2.1]"
	bySecond = " by mx2.them.example [192.0.2.2]"
)

func TestDeliver(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(first, second *fakeHost)
		to     string
		want   []string
		second int // connections to the second host
	}{
		"taken":          {func(_, _ *fakeHost) {}, "bob carol", []string{"relayed 250 2.6.0" + byFirst, "relayed 250 2.6.0" + byFirst}, 0},
		"with DSN":       {func(a, _ *fakeHost) { a.offers = append(a.offers, "DSN") }, "bob", []string{"+relayed 250 2.6.0" + byFirst}, 0},
		"one is not":     {func(a, _ *fakeHost) { a.says["RCPT bob@them.example"] = "550 5.1.1 who?" }, "bob carol", []string{"failed 550 5.1.1" + byFirst, "relayed 250 2.6.0" + byFirst}, 0},
		"sender is not":  {func(a, _ *fakeHost) { a.says["MAIL"] = "553 5.7.1 you?" }, "bob carol", []string{"failed 553 5.7.1" + byFirst, "failed 553 5.7.1" + byFirst}, 0},
		"content is not": {func(a, _ *fakeHost) { a.says["end"] = "554 5.6.0 spam" }, "bob", []string{"failed 554 5.6.0" + byFirst}, 0},
		"DATA is not":    {func(a, _ *fakeHost) { a.says["DATA"] = "554 5.3.0 no" }, "bob", []string{"failed 554 5.3.0" + byFirst}, 0},
		"later, the second takes it": {func(a, _ *fakeHost) { a.says["RCPT bob@them.example"] = "450 4.2.0 greylisted" }, "bob carol",
			[]string{"relayed 250 2.6.0" + bySecond, "relayed 250 2.6.0" + byFirst}, 1},
		"later, at both":          {func(a, b *fakeHost) { a.says["MAIL"], b.says["MAIL"] = "451 4.3.0 busy", "451 4.3.1 busy" }, "bob", []string{"deferred 451 4.3.1" + bySecond}, 1},
		"later, then not":         {func(a, b *fakeHost) { a.says["end"], b.says["end"] = "451 4.3.0 busy", "554 5.6.0 spam" }, "bob", []string{"failed 554 5.6.0" + bySecond}, 1},
		"closing":                 {func(a, b *fakeHost) { a.says["MAIL"], b.says["greeting"] = "421 4.3.2 down", "421 4.3.2 down" }, "bob", []string{"!deferred 421 4.3.2" + byFirst}, 1},
		"no service at the first": {func(a, _ *fakeHost) { a.says["greeting"] = "554 5.3.2 no" }, "bob", []string{"relayed 250 2.6.0" + bySecond}, 1},
		"no service at all":       {func(a, b *fakeHost) { a.says["greeting"], b.says["greeting"] = "554 5.3.2 no", "521 5.3.2 never" }, "bob", []string{"failed 521 5.3.2" + bySecond}, 1},
		"no service, and down":    {func(a, b *fakeHost) { a.says["greeting"], b.does["greeting"] = "554 5.3.2 no", reset }, "bob", []string{"!deferred 451 4.4.2 by us.example"}, 1},
		"it is us":                {func(a, b *fakeHost) { a.name, b.name = "us.example", "us.example" }, "bob", []string{"failed 554 5.4.6 by us.example"}, 1},
		"no SMTP":                 {func(a, b *fakeHost) { a.says["greeting"], b.says["greeting"] = "SSH-2.0", "HTTP/1.1" }, "bob", []string{"!deferred 451 4.5.0 by us.example"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
				c.set(first, second)
				want(t, n.outbound().Deliver(t.Context(), job("them.example", strings.Fields(c.to)...)), c.want...)
				if second.connections() != c.second {
					t.Errorf("%d connections to the second host, not %d", second.connections(), c.second)
				}
			})
		})
	}
}

// What hosts do that are broken or hostile: each has its end and its result.
func TestHostileHosts(t *testing.T) {
	flood := func(nc net.Conn) {
		for {
			if _, err := nc.Write([]byte("250-and\r\n")); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		set   func(first, second *fakeHost)
		want  string
		most  time.Duration
		again bool // the second host is asked
	}{
		"accepts and hangs":   {func(a, _ *fakeHost) { a.does["greeting"] = hang }, "relayed 250 2.6.0" + bySecond, 5 * time.Minute, true},
		"both do":             {func(a, b *fakeHost) { a.does["greeting"], b.does["greeting"] = hang, hang }, "!deferred 451 4.4.2 by us.example", 10 * time.Minute, true},
		"hangs in the middle": {func(a, _ *fakeHost) { a.does["RCPT bob@them.example"] = hang }, "relayed 250 2.6.0" + bySecond, 5 * time.Minute, true},
		"resets in DATA":      {func(a, _ *fakeHost) { a.does["DATA"] = reset }, "relayed 250 2.6.0" + bySecond, time.Second, true},
		"both reset in DATA":  {func(a, b *fakeHost) { a.does["DATA"], b.does["DATA"] = reset, reset }, "!deferred 451 4.4.2 by us.example", time.Second, true},
		"resets at the end":   {func(a, _ *fakeHost) { a.does["end"] = reset }, "deferred 451 4.4.2" + byFirst, time.Second, false},
		"hangs at the end":    {func(a, _ *fakeHost) { a.does["end"] = hang }, "deferred 451 4.4.2" + byFirst, 10 * time.Minute, false},
		"a reply of 1 MB": {func(a, b *fakeHost) {
			a.says["EHLO"] = "250 " + strings.Repeat("x", 1<<20)
			b.says["EHLO"] = a.says["EHLO"]
		}, "!deferred 451 4.5.0 by us.example", time.Second, true},
		"a reply without end": {func(a, b *fakeHost) { a.does["EHLO"], b.does["EHLO"] = flood, flood }, "!deferred 451 4.5.0 by us.example", time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
				c.set(first, second)
				begun := time.Now()
				want(t, n.outbound().Deliver(t.Context(), job("them.example", "bob")), c.want)
				if took := time.Since(begun); took > c.most+time.Second {
					t.Errorf("it took %v", took)
				}
				if (second.connections() > 0) != c.again {
					t.Errorf("%d connections to the second host", second.connections())
				}
			})
		})
	}
}

func TestUnreachable(t *testing.T) {
	inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
		clear(n.hosts)
		want(t, n.outbound().Deliver(t.Context(), job("them.example", "bob")), "!deferred 451 4.4.1 by us.example")
	})
}

// RFC 8305: an address that does not answer costs a quarter of a second.
func TestHappyEyeballs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newInternet(t)
		n.domain("them.example", "10 mx.them.example")
		host := n.host(plainHost("mx.them.example"), "192.0.2.1", "192.0.2.2", "2001:db8::1")
		for a := range n.hosts {
			n.silent[a] = a.Is6()
		}
		begun := time.Now()
		want(t, n.outbound().Deliver(t.Context(), job("them.example", "bob")), "relayed 250 2.6.0"+byFirst)
		if !elapsed(begun, dialDelay, dialDelay+time.Millisecond) || len(n.dials) != 2 || !n.dials[0].Is6() {
			t.Errorf("after %v, dialled %v", time.Since(begun), n.dials)
		}
		for a := range n.hosts {
			n.silent[a] = true
		}
		// Nobody answers at all.
		begun = time.Now()
		host.offers = nil
		o := n.outbound()
		want(t, o.Deliver(t.Context(), job("them.example", "bob")), "!deferred 451 4.4.1 by us.example")
		if !elapsed(begun, dialTime, dialTime+time.Second) {
			t.Errorf("after %v", time.Since(begun))
		}
	})
}

// An address at which something is wrong is not the end of the host.
func TestOtherAddressOfTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newInternet(t)
		n.domain("them.example", "10 mx.them.example")
		good := n.host(plainHost("mx.them.example"), "192.0.2.1", "192.0.2.2", "192.0.2.3")
		bad := plainHost("mx.them.example")
		bad.does["MAIL"] = reset
		n.hosts[n.addrs["mx.them.example"][0]] = bad
		bad2 := plainHost("mx.them.example")
		bad2.says["greeting"] = "421 4.3.2 full"
		n.hosts[n.addrs["mx.them.example"][1]] = bad2
		want(t, n.outbound().Deliver(t.Context(), job("them.example", "bob")), "relayed 250 2.6.0 by mx.them.example [192.0.2.3]")
		if len(good.got) != 1 {
			t.Error("nothing came")
		}
	})
}

// However many hosts there are that let us down, a delivery has an end.
func TestManyBadHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newInternet(t)
		bad := plainHost("mx.them.example")
		bad.says["MAIL"] = "451 4.3.0 busy"
		var hosts []string
		for i := range 20 {
			name := "mx" + string(rune('a'+i)) + ".them.example"
			hosts = append(hosts, "10 "+name)
			bad.name = name
			n.host(bad, "192.0.2."+string(rune('1'+i%9)))
		}
		n.domain("them.example", hosts...)
		attempts := n.outbound().Deliver(t.Context(), job("them.example", "bob"))
		if attempts[0].Event.Kind != mail.EventDeferred || bad.connections() != maxSessions {
			t.Errorf("%v after %d connections", attempts, bad.connections())
		}
	})
}

func TestMayEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
		j := job("them.example", "bob")
		j.MayEnd = func() bool { return false }
		want(t, n.outbound().Deliver(t.Context(), j), "deferred 451 4.3.0 by us.example")
		if len(first.got)+len(second.got)+second.connections() != 0 {
			t.Error("it was sent")
		}
	})
}

// What a host cannot carry another may; and where none can, that is the end.
func TestWhatHostsCannotCarry(t *testing.T) {
	inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
		first.offers = []string{"SIZE 5"}
		second.offers = []string{"SIZE 6"}
		o := n.outbound()
		want(t, o.Deliver(t.Context(), job("them.example", "bob")), "failed 552 5.3.4"+byFirst)
		second.says["greeting"] = "421 4.3.2 not now"
		want(t, n.outbound().Deliver(t.Context(), job("them.example", "bob")), "!deferred 421 4.3.2"+bySecond)
		delete(second.says, "greeting")
		second.offers = []string{"SIZE 500"}
		want(t, n.outbound().Deliver(t.Context(), job("them.example", "bob")), "relayed 250 2.6.0"+bySecond)
	})
}

func TestLimitsOfRecipients(t *testing.T) {
	people := strings.Fields("a b c d e")
	t.Run("RCPTMAX", func(t *testing.T) {
		inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
			first.offers = append(first.offers, "LIMITS RCPTMAX=2")
			want(t, n.outbound().Deliver(t.Context(), job("them.example", people...)), slices.Repeat([]string{"relayed 250 2.6.0" + byFirst}, 5)...)
			if len(first.got) != 3 || first.connections() != 1 {
				t.Errorf("%d transactions, %d connections", len(first.got), first.connections())
			}
		})
	})
	t.Run("MAILMAX", func(t *testing.T) {
		inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
			first.offers = append(first.offers, "LIMITS MAILMAX=2 RCPTMAX=1")
			want(t, n.outbound().Deliver(t.Context(), job("them.example", people...)), slices.Repeat([]string{"relayed 250 2.6.0" + byFirst}, 5)...)
			if len(first.got) != 5 || first.connections() != 3 {
				t.Errorf("%d transactions, %d connections", len(first.got), first.connections())
			}
		})
	})
	t.Run("452", func(t *testing.T) { // RFC 5321 4.5.3.1.10
		inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
			first.says["RCPT d@them.example"], first.says["RCPT e@them.example"] = "452 4.5.3 too many", "552 too many"
			want(t, n.outbound().Deliver(t.Context(), job("them.example", people...)),
				"relayed 250 2.6.0"+byFirst, "relayed 250 2.6.0"+byFirst, "relayed 250 2.6.0"+byFirst, "relayed 250 2.6.0"+bySecond, "failed 552 5.0.0"+byFirst)
			if mails := strings.Count(strings.Join(first.commands, "\n"), "MAIL FROM"); mails != 2 {
				t.Errorf("%d transactions: those who were too many are asked for once more", mails)
			}
		})
	})
}
