package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	wire "github.com/miekg/dns"
)

var local = netip.MustParseAddrPort("127.0.0.1:53")

// world is what the servers of a test answer, without sockets: packets go through pipes, and time is that of synctest.
type world struct {
	t      *testing.T
	answer func(network, server string, query *wire.Msg) *wire.Msg // nil: silence
	raw    func(network string, query []byte, id uint16) [][]byte  // instead of answer
	mu     sync.Mutex
	asked  []string // "udp 127.0.0.1:53 MX example.org"
}

func (w *world) resolver(o Options) *Resolver {
	if o.Servers == nil && o.ResolvConf == "" {
		o.Servers = []netip.AddrPort{local}
	}
	o.Dial = func(_ context.Context, network, server string) (net.Conn, error) {
		near, far := net.Pipe()
		go w.serve(network, server, far)
		return near, nil
	}
	return New(o)
}

func (w *world) serve(network, server string, conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil {
		return
	}
	packet := buffer[:n]
	if network == "tcp" {
		packet = packet[2:]
	}
	query := new(wire.Msg)
	if err := query.Unpack(packet); err != nil {
		w.t.Error(err)
		return
	}
	w.mu.Lock()
	w.asked = append(w.asked, fmt.Sprintf("%s %s %s %s", network, server, wire.TypeToString[query.Question[0].Qtype], bare(query.Question[0].Name)))
	w.mu.Unlock()
	var packets [][]byte
	if w.raw != nil {
		packets = w.raw(network, packet, query.Id)
	} else if reply := w.answer(network, server, query); reply != nil {
		packed, err := reply.Pack()
		if err != nil {
			w.t.Error(err)
			return
		}
		packets = [][]byte{packed}
	}
	for _, p := range packets {
		if network == "tcp" {
			p = append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...)
		}
		if _, err := conn.Write(p); err != nil {
			return
		}
	}
	io.Copy(io.Discard, conn) // until the other side goes
}

// reply answers with records in the text form of zones; one in brackets goes to the authority section, and "AD", "TC"
// and the names of RCODEs set what they say.
func reply(t *testing.T, query *wire.Msg, lines ...string) *wire.Msg {
	m := new(wire.Msg).SetReply(query)
	m.Compress = true
	for _, line := range lines {
		rcode, isRcode := wire.StringToRcode[line]
		section := &m.Answer
		switch {
		case line == "AD":
			m.AuthenticatedData = true
			continue
		case line == "TC":
			m.Truncated = true
			continue
		case isRcode:
			m.Rcode = rcode
			continue
		case line[0] == '[':
			line, section = strings.Trim(line, "[]"), &m.Ns
		}
		rr, err := wire.NewRR(line)
		if err != nil {
			t.Error(err)
			continue
		}
		*section = append(*section, rr)
	}
	return m
}

const zoneSOA = "[example.org. 600 IN SOA ns.example.org. postmaster.example.org. 1 7200 3600 1209600 300]"

func (w *world) says(lines map[string][]string) {
	w.answer = func(_, _ string, query *wire.Msg) *wire.Msg {
		q := query.Question[0]
		if found, ok := lines[wire.TypeToString[q.Qtype]+" "+bare(q.Name)]; ok {
			return reply(w.t, query, found...)
		}
		return reply(w.t, query, "NXDOMAIN", zoneSOA)
	}
}

func TestRecords(t *testing.T) {
	w := &world{t: t}
	w.says(map[string][]string{
		"MX example.org":                                 {"AD", "example.org. 300 MX 20 B.example.org.", "example.org. 300 MX 10 a.example.org."},
		"MX null.example.org":                            {"null.example.org. 300 MX 0 ."},
		"TXT example.org":                                {`example.org. 300 TXT "v=spf1 " "-all"`, `example.org. 300 TXT "caf\195\169 \"q\" \\ ;"`},
		"TLSA _25._tcp.a.example.org":                    {"AD", "_25._tcp.a.example.org. 300 TLSA 3 1 1 00ff10"},
		"PTR 1.2.0.192.in-addr.arpa":                     {"1.2.0.192.in-addr.arpa. 300 PTR a.example.org."},
		"CNAME www.example.org":                          {"AD", "www.example.org. 300 CNAME a.example.org."},
		"NS example.org":                                 {"example.org. 300 NS ns.example.org."},
		"MX alias.example.org":                           {"AD", "alias.example.org. 300 CNAME example.org.", "example.org. 300 MX 10 a.example.org."},
		"TXT nodata.example.org":                         {"AD", zoneSOA},
		"MX gone.example.org":                            {"gone.example.org. 300 CNAME void.example.org.", "NXDOMAIN", zoneSOA},
		"MX short.example.org":                           {"AD", "short.example.org. 300 CNAME example.org."}, // and leaves the rest out
		"MX elsewhere.example.org":                       {"other.example.org. 300 MX 10 a.example.org.", zoneSOA},
		"TXT class.example.org":                          {"class.example.org. 300 CH TXT \"x\"", zoneSOA},
		"MX signed.example.org":                          {"AD", "signed.example.org. 300 MX 10 a.example.org.", "signed.example.org. 300 RRSIG MX 13 3 300 20300101000000 20200101000000 1 example.org. AAAA"},
		"MX underscore_.example.org":                     {"underscore_.example.org. 300 MX 10 a_b.example.org."},
		"MX " + longName:                                 {longName + ". 300 MX 10 a.example.org."},
		"MX bad.example.org":                             {"SERVFAIL"},
		"MX refused.example.org":                         {"REFUSED"},
		"MX loop.example.org":                            {"loop.example.org. 300 CNAME loop2.example.org.", "loop2.example.org. 300 CNAME LOOP.example.org."},
		"MX self.example.org":                            {"self.example.org. 300 CNAME self.example.org."},
		"MX chain0.example.org":                          chain(MaxAliases, "MX 10 a.example.org."),
		"MX toolong0.example.org":                        slices.Concat(rename(chain(MaxAliases+1, "MX 10 a.example.org."), "chain", "toolong")),
		"MX a\\.b.example.org":                           {"example.org. 300 MX 10 a.example.org."},
		"MX odd-target.example.org":                      {"odd-target.example.org. 300 CNAME a\\.b\\000.example.org."},
		"PTR " + strings.Repeat("0.", 31) + "f.ip6.arpa": {strings.Repeat("0.", 31) + "f.ip6.arpa. 300 PTR six.example.org."},
	})
	r := w.resolver(Options{})
	mx := func(name string) (string, error) { a, err := r.MX(t.Context(), name); return text(a), err }
	txt := func(name string) (string, error) { a, err := r.TXT(t.Context(), name); return text(a), err }
	tlsa := func(name string) (string, error) { a, err := r.TLSA(t.Context(), name); return text(a), err }
	cname := func(name string) (string, error) { a, err := r.CNAME(t.Context(), name); return text(a), err }
	ns := func(name string) (string, error) { a, err := r.NS(t.Context(), name); return text(a), err }
	ptr := func(name string) (string, error) {
		a, err := r.PTR(t.Context(), netip.MustParseAddr(name))
		return text(a), err
	}
	for _, c := range []struct {
		ask        func(string) (string, error)
		name, want string
	}{
		{mx, "example.org", "[{a.example.org 10} {b.example.org 20}] at example.org, authentic"},
		{mx, "EXAMPLE.org.", "[{a.example.org 10} {b.example.org 20}] at example.org, authentic"},
		{mx, "null.example.org", "[{ 0}] at null.example.org"},
		{txt, "example.org", "[v=spf1 -all café \"q\" \\ ;] at example.org"},
		{tlsa, "_25._tcp.a.example.org", "[{3 1 1 [0 255 16]}] at _25._tcp.a.example.org, authentic"},
		{ptr, "192.0.2.1", "[a.example.org] at 1.2.0.192.in-addr.arpa"},
		{ptr, "::ffff:192.0.2.1", "[a.example.org] at 1.2.0.192.in-addr.arpa"},
		{ptr, "f000::%eth0", "[six.example.org] at " + strings.Repeat("0.", 31) + "f.ip6.arpa"},
		{cname, "www.example.org", "[a.example.org] at www.example.org, authentic"},
		{ns, "example.org", "[ns.example.org] at example.org"},
		{mx, "alias.example.org", "[{a.example.org 10}] at example.org, authentic"},
		{mx, "short.example.org", "[{a.example.org 10} {b.example.org 20}] at example.org, authentic"},
		{mx, "signed.example.org", "[{a.example.org 10}] at signed.example.org, authentic"},
		{mx, "underscore_.example.org", "[{a_b.example.org 10}] at underscore_.example.org"},
		{mx, longName, "[{a.example.org 10}] at " + longName},
		{mx, "chain0.example.org", "[{a.example.org 10}] at chain10.example.org"},

		{txt, "nodata.example.org", "NoData, authentic"},
		{mx, "void.example.org", "NoName"},
		{mx, "gone.example.org", "NoName"},
		{mx, "elsewhere.example.org", "NoData"},
		{txt, "class.example.org", "NoData"},
		{mx, "bad.example.org", "Unavailable: 127.0.0.1:53: SERVFAIL"},
		{mx, "refused.example.org", "Unavailable: 127.0.0.1:53: REFUSED"},
		{mx, "loop.example.org", "Unavailable: the aliases lead back to loop.example.org"},
		{mx, "self.example.org", "Unavailable: the aliases lead back to self.example.org"},
		{mx, "toolong0.example.org", "Unavailable: more than 10 aliases (CNAME) one after another"},
		{mx, "odd-target.example.org", `Unavailable: an alias leads to a name that cannot be: a name may not hold "\\" (U-labels are asked about as A-labels)`},

		// Names that cannot be: nobody is asked.
		{mx, "bücher.example", `NoName: a name may not hold "\xc3" (U-labels are asked about as A-labels)`},
		{mx, "", "NoName: a label has 1 to 63 bytes, not 0"},
		{mx, ".", "NoName: a label has 1 to 63 bytes, not 0"},
		{mx, "a..b", "NoName: a label has 1 to 63 bytes, not 0"},
		{mx, strings.Repeat("a", 64) + ".org", "NoName: a label has 1 to 63 bytes, not 64"},
		{mx, longName + "a", "NoName: a name has at most 253 bytes, not 254"},
		{mx, `a\.b.example.org`, `NoName: a name may not hold "\\" (U-labels are asked about as A-labels)`},
		{mx, "a b.example.org", `NoName: a name may not hold " " (U-labels are asked about as A-labels)`},
		{mx, "a\x00b.example.org", `NoName: a name may not hold "\x00" (U-labels are asked about as A-labels)`},
	} {
		got, err := c.ask(c.name)
		if err != nil {
			got = errorText(err)
		}
		if got != c.want {
			t.Errorf("%.80q:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// longName has 253 bytes, which is as long as names can be.
var longName = strings.Repeat(strings.Repeat("a", 49)+".", 5) + "abc"

// chain is n aliases and a record at their end.
func chain(n int, last string) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("chain%d.example.org. 300 CNAME chain%d.example.org.", i, i+1))
	}
	slices.Reverse(lines) // the order is not promised
	return append(lines, fmt.Sprintf("chain%d.example.org. 300 %s", n, last))
}

func rename(lines []string, old, new string) []string {
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], old, new)
	}
	return lines
}

func text[T any](a Answer[T]) string {
	s := fmt.Sprintf("%v at %s", a.Records, a.Name)
	if a.Authentic {
		s += ", authentic"
	}
	return s
}

func errorText(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return "no *Error: " + err.Error()
	}
	s := map[Reason]string{NoName: "NoName", NoData: "NoData", Unavailable: "Unavailable"}[e.Reason]
	if NotFound(err) == (e.Reason == Unavailable) || Temporary(err) != (e.Reason == Unavailable) {
		s += ", which NotFound and Temporary do not know"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Authentic {
		s += ", authentic"
	}
	return s
}

func TestAddresses(t *testing.T) {
	a, aaaa := "h.example.org. 300 A 192.0.2.1", "h.example.org. 300 AAAA 2001:db8::1"
	for _, c := range []struct {
		name      string
		four, six []string
		want      string
	}{
		{"both", []string{"AD", a}, []string{"AD", aaaa}, "[2001:db8::1 192.0.2.1] at h.example.org, authentic"},
		{"one of them not validated", []string{a}, []string{"AD", aaaa}, "[2001:db8::1 192.0.2.1] at h.example.org"},
		{"IPv4 alone", []string{"AD", a}, []string{"AD", zoneSOA}, "[192.0.2.1] at h.example.org, authentic"},
		{"IPv4 alone, and who knows", []string{"AD", a}, []string{zoneSOA}, "[192.0.2.1] at h.example.org"},
		{"IPv6 alone", []string{"AD", zoneSOA}, []string{"AD", aaaa}, "[2001:db8::1] at h.example.org, authentic"},
		// RFC 7672 2.1.1: what is there was validated, whoever keeps the rest from us.
		{"IPv4 bogus", []string{"SERVFAIL"}, []string{"AD", aaaa}, "[2001:db8::1] at h.example.org, authentic"},
		{"IPv6 bogus", []string{"AD", a}, []string{"SERVFAIL"}, "[192.0.2.1] at h.example.org, authentic"},
		{"none", []string{"AD", "NXDOMAIN", zoneSOA}, []string{"AD", "NXDOMAIN", zoneSOA}, "NoName, authentic"},
		{"perhaps none", []string{"NXDOMAIN", zoneSOA}, []string{"SERVFAIL"}, "Unavailable: 127.0.0.1:53: SERVFAIL"},
		{"IPv4 dressed up", []string{zoneSOA}, []string{"h.example.org. 300 AAAA ::ffff:192.0.2.1"}, "NoData"},
		{"an alias", []string{"h.example.org. 300 CNAME g.example.org.", "g.example.org. 300 A 192.0.2.2"},
			[]string{"h.example.org. 300 CNAME g.example.org.", zoneSOA}, "[192.0.2.2] at g.example.org"},
	} {
		w := &world{t: t}
		w.says(map[string][]string{"A h.example.org": c.four, "AAAA h.example.org": c.six})
		answer, err := w.resolver(Options{}).Addresses(t.Context(), "h.example.org")
		got := text(answer)
		if err != nil {
			got = errorText(err)
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestOnlyTrustedServersMakeAnAnswerAuthentic(t *testing.T) {
	conf := func(text string) Options {
		name := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Options{ResolvConf: name}
	}
	for _, c := range []struct {
		name    string
		options Options
		want    bool
	}{
		{"loopback", Options{Servers: []netip.AddrPort{local}}, true},
		{"far away", Options{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}}, false},
		{"far away and trusted", Options{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}, TrustAD: true}, true},
		{"a file that names this machine", conf("nameserver ::1\n"), true},
		{"no file", Options{ResolvConf: filepath.Join(t.TempDir(), "none")}, true},
		{"an empty file", conf("# nothing\n"), true},
		{"a file that names another", conf("search example.org\nnameserver 192.0.2.53\n"), false},
		{"a file that says so", conf("nameserver 192.0.2.53\noptions edns0 trust-ad\n"), true},
	} {
		w := &world{t: t}
		w.says(map[string][]string{"MX example.org": {"AD", "example.org. 300 MX 10 a.example.org."}})
		answer, err := w.resolver(c.options).MX(t.Context(), "example.org")
		if err != nil || answer.Authentic != c.want {
			t.Errorf("%s: authentic %v, %v", c.name, answer.Authentic, err)
		}
	}
}
