package node

import (
	"net/netip"
	"testing"
)

func TestOwnAddresses(t *testing.T) {
	for _, c := range []struct {
		endpoints []string
		addr      string
		own       bool
	}{
		{[]string{":25"}, "127.0.0.1", true},
		{[]string{":25"}, "127.9.9.9", true},
		{[]string{"0.0.0.0:25"}, "::1", true},
		{[]string{":25"}, "192.0.2.1", false},
		{[]string{"127.0.0.5:25"}, "127.0.0.5", true},
		{[]string{"127.0.0.5:25"}, "127.0.0.6", false},
		{[]string{"[::ffff:127.0.0.5]:25"}, "127.0.0.5", true},
		{nil, "127.0.0.1", false},
	} {
		if got := newOwnAddresses(c.endpoints).have(netip.MustParseAddr(c.addr)); got != c.own {
			t.Errorf("listening at %v, %s is ours: %t", c.endpoints, c.addr, got)
		}
	}
	for addr := range systemAddresses() {
		if !newOwnAddresses([]string{":25"}).have(addr) {
			t.Errorf("%v is not ours", addr)
		}
	}
}
