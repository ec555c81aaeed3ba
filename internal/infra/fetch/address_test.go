package fetch

import (
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.15.0.1": true, "172.32.0.1": true, "100.63.255.255": true, "100.128.0.1": true, "223.255.255.254": true,
		"2606:4700::1111": true, "2a00:1450:4001::1": true, "2001:4860:4860::8888": true, "2001:200::1": true,
		"::ffff:8.8.8.8": true, "64:ff9b::8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "10.255.255.255": false, "100.64.0.1": false, "100.127.255.255": false,
		"127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.0.1": false, "198.18.0.1": false, "198.19.255.255": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false,

		"::": false, "::1": false, "::127.0.0.1": false, "::8.8.8.8": false, // IPv4-compatible (RFC 4291 2.5.5.1) reaches nobody
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:0.0.0.0": false,
		"::ffff:0:127.0.0.1": false, "64:ff9b::127.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b::a9fe:a9fe": false,
		"64:ff9b:1::8.8.8.8": false, "2002:7f00:1::": false, "2002:0808:0808::1": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false,
		"2001:db8::1": false, "3fff::1": false, "100::1": false, "fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false,
		"fec0::1": false, "ff02::1": false, "5f00::1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v", text, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/":             true,
		"https://example.com:8443/a?b#c":   true,
		"https://my_bucket.example.com/":   true,
		"https://bücher.example/":          true,
		"https://example.com./":            true,
		"https://8.8.8.8/":                 true,
		"https://[2606:4700::1111]/":       true,
		"http://example.com/":              false,
		"ftp://example.com/":               false,
		"file:///etc/passwd":               false,
		"gopher://example.com:25/":         false,
		"https:example.com":                false,
		"https:///path":                    false,
		"//example.com/":                   false,
		"https://user:pass@example.com/":   false,
		"https://example.com:25/":          false,
		"https://example.com:0/":           false,
		"https://example.com:99999/":       false,
		"https://localhost/":               false,
		"https://intranet/":                false,
		"https://2130706433/":              false,
		"https://0x7f000001/":              false,
		"https://0x7f.1/":                  false,
		"https://127.1/":                   false,
		"https://017700000001/":            false,
		"https://0177.0.0.1/":              false,
		"https://127.0.0.0x1/":             false,
		"https://[fe80::1%25eth0]/":        false,
		"https://[::1/":                    false,
		"https://exa mple.com/":            false,
		"https://example..com/":            false,
		"https://a.b\r\nHost: c.example/":  false,
		"https://evil.example\\@10.0.0.1/": false,
	} {
		if err := Check(text, false); (err == nil) != want {
			t.Errorf("Check(%q) = %v", text, err)
		}
	}
	if err := Check("http://example.com/", true); err != nil {
		t.Error(err)
	}
	if err := Check("https://example.com/"+string(make([]byte, MaxURL)), false); err == nil {
		t.Error("a long URL is asked for")
	}
}
