package dns

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestDialContext(t *testing.T) {
	w := &world{t: t}
	w.says(map[string][]string{
		"A www.example.org":    {"www.example.org. 60 IN A 192.0.2.1", "www.example.org. 60 IN A 192.0.2.2"},
		"AAAA www.example.org": {"www.example.org. 60 IN AAAA 2001:db8::1"},
		"A down.example.org":   {"down.example.org. 60 IN A 192.0.2.9"},
	})
	r := w.resolver(Options{})
	ask := r.dial
	var dialled []string
	r.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "udp" {
			return ask(ctx, network, address)
		}
		dialled = append(dialled, address)
		if address == "192.0.2.2:443" || address == "[2001:db8::7]:443" {
			near, _ := net.Pipe()
			return near, nil
		}
		return nil, errors.New("refused")
	}
	for _, tt := range []struct {
		address, fails string
		dialled        []string
	}{
		{"www.example.org:443", "", []string{"[2001:db8::1]:443", "192.0.2.1:443", "192.0.2.2:443"}},
		{"[2001:db8::7]:443", "", []string{"[2001:db8::7]:443"}},
		{"down.example.org:443", "refused", []string{"192.0.2.9:443"}},
		{"nowhere.example.org:443", "does not exist", nil},
		{"www.example.org", "missing port", nil},
	} {
		dialled = nil
		conn, err := r.DialContext(t.Context(), "tcp", tt.address)
		if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) || !slices.Equal(dialled, tt.dialled) {
			t.Errorf("%s: %v, dialled %v", tt.address, err, dialled)
		}
		if err == nil {
			conn.Close()
		}
	}
}
