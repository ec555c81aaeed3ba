package proxyprotocol

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
)

func v2(command, family byte, rest string) string {
	return string(signature) + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

const (
	four = "\xC0\x00\x02\x01\xCB\x00\x71\x09\xC9\x03\x00\x19" // 192.0.2.1:51459 to 203.0.113.9:25
	six  = "\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xC9\x03\x03\xE1"
	mapped = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xFF\xFF\xC0\x00\x02\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xFF\xFF\xCB\x00\x71\x09\xC9\x03\x00\x19"
)

func header(source, destination string) Header {
	return Header{true, netip.MustParseAddrPort(source), netip.MustParseAddrPort(destination)}
}

func TestRead(t *testing.T) {
	tcp4, tcp6 := header("192.0.2.1:51459", "203.0.113.9:25"), header("[2001:db8::1]:51459", "[2001:db8::2]:993")
	for name, c := range map[string]struct {
		text string
		want Header
	}{
		"line, IPv4":             {"PROXY TCP4 192.0.2.1 203.0.113.9 51459 25\r\n", tcp4},
		"line, IPv6":             {"PROXY TCP6 2001:db8::1 2001:db8::2 51459 993\r\n", tcp6},
		"line, IPv6, of IPv4":    {"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:203.0.113.9 51459 25\r\n", tcp4},
		"line, unknown":          {"PROXY UNKNOWN\r\n", Header{}},
		"line, unknown and more": {"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", Header{}},
		"IPv4":                   {v2(0x21, 0x11, four), tcp4},
		"IPv4 and more":          {v2(0x21, 0x11, four+"\x04\x00\x03abc"), tcp4},
		"IPv6":                   {v2(0x21, 0x21, six), tcp6},
		"IPv6 of IPv4":           {v2(0x21, 0x21, mapped), tcp4},
		"local":                  {v2(0x20, 0x00, ""), Header{}},
		"local with addresses":   {v2(0x20, 0x11, four), Header{}},
		"unspecified":            {v2(0x21, 0x00, ""), Header{}},
		"Unix":                   {v2(0x21, 0x31, strings.Repeat("\x00", 216)), Header{}},
	} {
		for _, slow := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
			r := slow(strings.NewReader(c.text + "EHLO x\r\n"))
			got, err := Read(r)
			rest, _ := io.ReadAll(r)
			if err != nil || got != c.want || string(rest) != "EHLO x\r\n" {
				t.Errorf("%s: %+v, %v, and %q is left; want %+v and what the client said", name, got, err, rest, c.want)
			}
		}
		for n := range len(c.text) {
			if got, err := Read(strings.NewReader(c.text[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s, cut after %d octets: %+v, %v", name, n, got, err)
			}
		}
	}
}

func TestReadFaults(t *testing.T) {
	for name, text := range map[string]string{
		"no header":       "EHLO mail.example.org\r\n",
		"TLS":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00",
		"lower case":      "proxy TCP4 192.0.2.1 203.0.113.9 51459 25\r\n",
		"version 1":       v2(0x11, 0x11, four),
		"another command": v2(0x22, 0x11, four),
		"datagrams":       v2(0x21, 0x12, four),
		"short IPv4":      v2(0x21, 0x11, four[:11]),
		"short IPv6":      v2(0x21, 0x21, four),
		"long":            v2(0x21, 0x11, four+strings.Repeat("\x00", MaxHeader)),
		"long line":       "PROXY UNKNOWN " + strings.Repeat("x", 100) + "\r\n",
		"wrong family":    "PROXY TCP4 2001:db8::1 2001:db8::2 51459 993\r\n",
		"wrong family, 6": "PROXY TCP6 192.0.2.1 203.0.113.9 51459 25\r\n",
		"zone":            "PROXY TCP6 fe80::1%eth0 2001:db8::2 51459 993\r\n",
		"port":            "PROXY TCP4 192.0.2.1 203.0.113.9 65536 25\r\n",
		"zeros":           "PROXY TCP4 192.0.2.1 203.0.113.9 051459 25\r\n",
		"two spaces":      "PROXY TCP4  192.0.2.1 203.0.113.9 51459 25\r\n",
		"more":            "PROXY TCP4 192.0.2.1 203.0.113.9 51459 25 x\r\n",
		"UDP":             "PROXY UDP4 192.0.2.1 203.0.113.9 51459 25\r\n",
		"bare newline":    "PROXY TCP4 192.0.2.1 203.0.113.9 51459 25\n" + strings.Repeat("x", 200),
	} {
		if got, err := Read(strings.NewReader(text)); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Whatever comes, no more than a header is taken, and an address that is known is whole.
func FuzzRead(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 203.0.113.9 51459 25\r\nEHLO"))
	f.Add([]byte(v2(0x21, 0x11, four) + "EHLO"))
	f.Add([]byte(v2(0x21, 0x21, six+"\x04\x00\x00")))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := bytes.NewReader(text)
		h, err := Read(r)
		if taken := len(text) - r.Len(); taken > MaxHeader {
			t.Fatalf("%d octets were taken", taken)
		}
		if known := h.Source.IsValid() && h.Destination.IsValid(); h.Known != known || err != nil && h.Known {
			t.Fatalf("%+v, %v", h, err)
		}
	})
}
