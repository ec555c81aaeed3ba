package smtp

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func TestReceived(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	ann := mail.Recipient{Address: mail.Address{Local: "ann", Domain: "example.org"}}
	bjørn := mail.Recipient{Address: mail.Address{Local: "bjørn", Domain: "example.org"}}
	secure := &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}
	for _, c := range []struct {
		name string
		s    Session
		e    mail.Envelope
		want string
	}{
		{"plain", Session{Remote: netip.MustParseAddrPort("192.0.2.1:99"), Hello: "client.example", ESMTP: true},
			mail.Envelope{ID: "id1", Recipients: []mail.Recipient{ann}},
			"Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTP id id1\r\n\tfor <ann@example.org>;\r\n\tWed, 4 Mar 2026 05:06:07 +0100\r\n"},
		{"two recipients", Session{Remote: netip.MustParseAddrPort("[::ffff:192.0.2.1]:99"), Hello: "[192.0.2.1]"},
			mail.Envelope{ID: "id1", Recipients: []mail.Recipient{ann, bjørn}},
			"Received: from [192.0.2.1] ([192.0.2.1])\r\n\tby mx.example.org with SMTP id id1;\r\n\tWed, 4 Mar 2026 05:06:07 +0100\r\n"},
		{"TLS, UTF-8", Session{Remote: netip.MustParseAddrPort("[2001:db8::1%eth0]:99"), Hello: "odd!name", ESMTP: true, TLS: secure},
			mail.Envelope{ID: "id1", SMTPUTF8: true, Recipients: []mail.Recipient{bjørn}},
			"Received: from unknown ([IPv6:2001:db8::1])\r\n\tby mx.example.org with UTF8SMTPS id id1\r\n\tfor <bjørn@example.org>\r\n\ttls TLS_AES_128_GCM_SHA256 (TLS1.3);\r\n\tWed, 4 Mar 2026 05:06:07 +0100\r\n"},
		{"LMTP over a Unix socket", Session{Hello: "a.example", ESMTP: true, LMTP: true},
			mail.Envelope{ID: "id1", Recipients: []mail.Recipient{bjørn}},
			"Received: from a.example\r\n\tby mx.example.org with LMTP id id1;\r\n\tWed, 4 Mar 2026 05:06:07 +0100\r\n"},
	} {
		got := Received(c.s, "mx.example.org", &c.e, at)
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
	if got := ReturnPath(mail.Address{}); got != "Return-Path: <>\r\n" {
		t.Errorf("null reverse-path is written %q", got)
	}
}

func TestProtocol(t *testing.T) {
	secure := &tls.ConnectionState{}
	for want, s := range map[string]Session{
		"SMTP": {}, "ESMTP": {ESMTP: true}, "ESMTPS": {ESMTP: true, TLS: secure},
		"ESMTPSA": {ESMTP: true, TLS: secure, Account: 1}, "LMTP": {ESMTP: true, LMTP: true},
		"LMTPS": {ESMTP: true, LMTP: true, TLS: secure},
	} {
		if got := s.Protocol(false); got != want {
			t.Errorf("protocol is %s, want %s", got, want)
		}
		utf8 := strings.Replace("UTF8"+want, "UTF8ESMTP", "UTF8SMTP", 1)
		if got := s.Protocol(true); want != "SMTP" && got != utf8 {
			t.Errorf("protocol with UTF-8 is %s, want %s", got, utf8)
		}
	}
}

func TestReplies(t *testing.T) {
	for want, r := range map[string]mail.Reply{
		"250 2.0.0 ok\r\n":            {Code: 250, Enhanced: mail.EnhancedCode{2, 0, 0}, Text: "ok"},
		"354 go\r\n":                  {Code: 354, Text: "go"},
		"550 5.1.1 a??250 b\tc ø\r\n": {Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}, Text: "a\r\n250 b\tc ø"},
		"550 5.7.999 " + strings.Repeat("x", 490) + "\r\n": {Code: 550, Enhanced: mail.EnhancedCode{5, 7, 999}, Text: strings.Repeat("x", 1000)},
	} {
		if got := string(AppendReply(nil, r)); got != want || len(got) > 512 {
			t.Errorf("%v is written %q, want %q", r, got, want)
		}
	}
	if got := string(AppendReply(nil, mail.Reply{Code: 250, Text: strings.Repeat("x", 489) + "øø"})); got != "250 "+strings.Repeat("x", 489)+"\r\n" {
		t.Errorf("a long reply is cut inside a character: %q", got[480:])
	}
	if got := ASCIIText("a bø\u2028c"); got != "a bU+00F8U+2028c" {
		t.Errorf("in ASCII it is %q", got)
	}
	if got := string(AppendLines(nil, 250, []string{"a", "b", "c"})); got != "250-a\r\n250-b\r\n250 c\r\n" {
		t.Errorf("lines are written %q", got)
	}
}

func TestDomains(t *testing.T) {
	for in, want := range map[string]string{
		"Example.ORG": "example.org", "BLÅBÆR.no": "xn--blbr-roah.no", "faß.de": "xn--fa-hia.de", "例え.テスト": "xn--r8jz45g.xn--zckzah",
		"a_b.example": "a_b.example", "[192.0.2.1]": "[192.0.2.1]", "xn--r8jz45g.example": "xn--r8jz45g.example",
		"full。stop.example": "full.stop.example",
	} {
		if got, err := ASCIIDomain(in); err != nil || got != want {
			t.Errorf("%s is %s in ASCII (%v), want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a..b", "é\u2028.org", "-é.org", strings.Repeat("é", 63) + ".org", "א1א.a\u0308b"} {
		if got, err := ASCIIDomain(in); err == nil && !isASCII(got) {
			t.Errorf("%q is accepted as %q", in, got)
		}
	}
	if got := DisplayDomain("xn--blbr-roah.no"); got != "blåbær.no" {
		t.Errorf("shown as %s", got)
	}
	for _, hello := range []string{"", "a b", "a\tb", "é", "a(b", strings.Repeat("a", 256), "<a>"} {
		if CheckHello(hello) == nil {
			t.Errorf("EHLO %q is accepted", hello)
		}
	}
	for _, hello := range []string{"a", "my_pc", "[192.0.2.1]", "[IPv6:::1]", "-odd-.", "192.0.2.1"} {
		if err := CheckHello(hello); err != nil {
			t.Errorf("EHLO %q is refused: %v", hello, err)
		}
	}
}
