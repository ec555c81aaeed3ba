package client

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func parse(s string) (reply, error) {
	return readReply(bufio.NewReaderSize(strings.NewReader(s), maxReplyLine))
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		wire string
		want mail.Reply
	}{
		{"250 ok\r\n", mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 0, 0}, Text: "ok"}},
		{"250\r\n", mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 0, 0}}},
		{"250 \n", mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 0, 0}}},
		{"550 5.1.1 no such user\r\n", mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}, Text: "no such user"}},
		{"550 5.1.1\r\n", mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}}},
		{"550-5.7.26 first\r\n550-5.7.26\r\n550 5.7.26 second\r\n", mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 7, 26}, Text: "first second"}},
		{"450 5.1.1 another class\r\n", mail.Reply{Code: 450, Enhanced: mail.EnhancedCode{4, 0, 0}, Text: "5.1.1 another class"}},
		{"550 5.1.1234 x\r\n", mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 0, 0}, Text: "5.1.1234 x"}},
		{"550 5.1.1.1 x\r\n", mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 0, 0}, Text: "5.1.1.1 x"}},
		{"550 a\x00b\x1b[1m\xffc\r\n", mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 0, 0}, Text: "a?b?[1m?c"}},
		{"550 " + strings.Repeat("ü", 900) + "\r\n", mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 0, 0}, Text: strings.Repeat("ü", 500)}},
	} {
		got, err := parse(c.wire)
		if err != nil || got.mail() != c.want {
			t.Errorf("%.60q is read as %+v, %v", c.wire, got.mail(), err)
		}
	}
}

func TestRepliesRefused(t *testing.T) {
	for name, wire := range map[string]string{
		"no code":            "ok\r\n",
		"a code of two":      "25 ok\r\n",
		"a code of four":     "2500 ok\r\n",
		"an impossible code": "150 ok\r\n",
		"another code":       "250-ok\r\n251 ok\r\n",
		"a megabyte":         "250 " + strings.Repeat("x", 1<<20) + "\r\n",
		"without end":        strings.Repeat("250-x\r\n", 1<<20),
		"long lines":         strings.Repeat("250-"+strings.Repeat("x", 4000)+"\r\n", 20),
	} {
		if got, err := parse(wire); !errors.Is(err, ErrReply) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, wire := range []string{"", "25", "250 ok", "250-ok\r\n"} {
		if _, err := parse(wire); !errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", wire, err)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "550 5.1.1 x\r\n", "250\n", "354-\r\n354\r\n", "421 4.3.2 \xff\x00\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		got, err := parse(wire)
		if err != nil {
			if !errors.Is(err, ErrReply) && !errors.Is(err, io.EOF) {
				t.Fatalf("%v", err)
			}
			return
		}
		m := got.mail()
		if m.Code < 200 || m.Code > 599 || m.Enhanced[0] != m.Code/100 || m.Enhanced[1] > 999 || m.Enhanced[2] > 999 ||
			len(m.Text) > maxReplyText || strings.ContainsAny(m.Text, "\r\n\x00") {
			t.Fatalf("read is %+v", m)
		}
		parseExtensions(got.lines).limits()
	})
}
