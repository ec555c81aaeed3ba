package smtp

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func TestParseMail(t *testing.T) {
	ann := mail.Address{Local: "ann", Domain: "example.org"}
	for args, want := range map[string]mail.Envelope{
		"FROM:<ann@example.org>":                                      {ReversePath: ann},
		"from: <ann@example.org>":                                     {ReversePath: ann},
		"FROM:<>":                                                     {},
		"FROM:<> SIZE=10":                                             {Size: 10},
		"FROM:<> SIZE=00000000000000000010":                           {Size: 10},
		"FROM:<> SIZE=99999999999999999999":                           {Size: huge},
		"FROM:<@a.example,@b.example:ann@example.org>":                {ReversePath: ann},
		`FROM:<"a>b c"@example.org> BODY=8bitmime`:                    {ReversePath: mail.Address{Local: "a>b c", Domain: "example.org"}, Body: mail.Body8BitMIME},
		"FROM:<ann@example.org>  SIZE=0  BODY=BINARYMIME SMTPUTF8":    {ReversePath: ann, Body: mail.BodyBinary, SMTPUTF8: true},
		"FROM:<ann@example.org> body=7BIT RET=hdrs ENVID=QQ314+2B159": {ReversePath: ann, Body: mail.Body7Bit, Ret: mail.RetHeaders, EnvID: "QQ314+159"},
		"FROM:<ann@example.org> RET=FULL":                             {ReversePath: ann, Ret: mail.RetFull},
		"FROM:<bjørn@Blåbær.example> SMTPUTF8":                        {ReversePath: mail.Address{Local: "bjørn", Domain: "xn--blbr-roah.example"}, SMTPUTF8: true},
	} {
		got, err := ParseMail(args, Extensions{})
		if err != nil || got.ReversePath != want.ReversePath || got.Size != want.Size || got.Body != want.Body ||
			got.SMTPUTF8 != want.SMTPUTF8 || got.Ret != want.Ret || got.EnvID != want.EnvID {
			t.Errorf("MAIL %s\n gives %+v, %v\n want %+v", args, got, err, want)
		}
	}
}

func TestParseRcpt(t *testing.T) {
	ann := mail.Address{Local: "ann", Domain: "example.org"}
	for args, want := range map[string]mail.Recipient{
		"TO:<ann@example.org>":                         {Address: ann},
		"TO:<@a.example,@[192.0.2.1]:ann@example.org>": {Address: ann},
		"TO:<PostMaster>":                              {Address: mail.Address{Local: "PostMaster"}},
		"TO:<ann@example.org> NOTIFY=NEVER":            {Address: ann, Notify: mail.NotifyNever},
		"TO:<ann@example.org> notify=success,Failure,DELAY ORCPT=RFC822;Ann+2BX@example.org": {
			Address: ann, Notify: mail.NotifySuccess | mail.NotifyFailure | mail.NotifyDelay,
			Original: mail.OriginalRecipient{Type: "rfc822", Address: "Ann+X@example.org"}},
		`TO:<ann@example.org> ORCPT=utf-8;bj\x{F8}rn\x{2B}\x{1F600}@example.org`: {
			Address: ann, Original: mail.OriginalRecipient{Type: "utf-8", Address: "bjørn+😀@example.org"}},
		"TO:<ann@example.org> ORCPT=utf-8;bjørn@example.org": {
			Address: ann, Original: mail.OriginalRecipient{Type: "utf-8", Address: "bjørn@example.org"}},
		"TO:<ann@example.org> ORCPT=rfc822;bj+C3+B8rn@example.org": { // Postfix writes this
			Address: ann, Original: mail.OriginalRecipient{Type: "utf-8", Address: "bjørn@example.org"}},
	} {
		if got, err := ParseRcpt(args, true); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("RCPT %s\n gives %+v, %v\n want %+v", args, got, err, want)
		}
	}
}

func TestParametersRefused(t *testing.T) {
	parse := map[string]func(string) error{
		"FROM": func(args string) error { _, err := ParseMail(args, Extensions{}); return err },
		"TO:<": func(args string) error { _, err := ParseRcpt(args, false); return err },
	}
	for args, want := range map[string]string{
		"FROM":                                      "501 5.1.7 the syntax is MAIL FROM:<address>",
		"FROM:ann@example.org":                      "501 5.1.7 the syntax is MAIL FROM:<address>: the address stands in angle brackets",
		"FROM:<ann@example.org":                     "501 5.1.7",
		`FROM:<"ann@example.org>`:                   "501 5.1.7",
		"FROM:<ann>":                                "501 5.1.7",
		"FROM:<ann@example.org>SIZE=1":              "501 5.1.7",
		"FROM:<@a:>":                                "501 5.1.7",
		"FROM:<@a,b:ann@x>":                         "501 5.1.7",
		"FROM:<@a.example ann@x>":                   "501 5.1.7",
		"FROM:<@-a:ann@x>":                          "501 5.1.7",
		"FROM:<ann@\u2028x> SMTPUTF8":               "501 5.1.7",
		"FROM:<ann@xn--\u00e9.org> SMTPUTF8":        "501 5.1.7",
		"FROM:<bjørn@example.org>":                  "550 5.6.7",
		"FROM:<ann@blåbær.example>":                 "550 5.6.7",
		"FROM:<> SIZE":                              "501 5.5.4",
		"FROM:<> SIZE=":                             "501 5.5.4",
		"FROM:<> SIZE=-1":                           "501 5.5.4",
		"FROM:<> SIZE=1e3":                          "501 5.5.4",
		"FROM:<> SIZE=1=2":                          "501 5.5.4",
		"FROM:<> SIZE=1 SIZE=1":                     "501 5.5.4 SIZE: it is given twice",
		"FROM:<> BODY=9BIT":                         "501 5.5.4",
		"FROM:<> SMTPUTF8=1":                        "501 5.5.4",
		"FROM:<> RET=SOME":                          "501 5.5.4",
		"FROM:<> ENVID=a+2":                         "501 5.5.4",
		"FROM:<> ENVID=a+0D":                        "501 5.5.4",
		"FROM:<> ENVID=+2b":                         "501 5.5.4",
		"FROM:<> ENVID=" + strings.Repeat("x", 101): "501 5.5.4",
		"FROM:<> =1":                                "501 5.5.4",
		"FROM:<> -X":                                "501 5.5.4",
		"FROM:<> X?=1":                              "501 5.5.4",
		"FROM:<> HOLDFOR=60":                        "555 5.5.4 the parameter HOLDFOR is not known here",
		"TO:<>":                                     "501 5.1.3",
		"TO:<ann>":                                  "501 5.1.3",
		"TO:<bjørn@example.org>":                    "553 5.6.7",
		"TO:<ann@x> NOTIFY=":                        "501 5.5.4",
		"TO:<ann@x> NOTIFY=NEVER,DELAY":             "501 5.5.4",
		"TO:<ann@x> NOTIFY=DELAY,NEVER":             "501 5.5.4",
		"TO:<ann@x> NOTIFY=MAYBE":                   "501 5.5.4",
		"TO:<ann@x> NOTIFY=DELAY,":                  "501 5.5.4",
		"TO:<ann@x> ORCPT=ann@x":                    "501 5.5.4",
		"TO:<ann@x> ORCPT=rfc822;":                  "501 5.5.4",
		"TO:<ann@x> ORCPT=;ann":                     "501 5.5.4",
		"TO:<ann@x> ORCPT=rfc822;+0A":               "501 5.5.4",
		"TO:<ann@x> ORCPT=rfc822;+C3":               "501 5.5.4",
		"TO:<ann@x> ORCPT=rfc822;bj\u00f8rn@x":      "501 5.5.4",
		"TO:<ann@x> ORCPT=x400;+FF":                 "501 5.5.4",
		"FROM:<> ENVID=+C3+B8":                      "501 5.5.4",
		`TO:<ann@x> ORCPT=utf-8;\x{A}`:              "501 5.5.4",
		`TO:<ann@x> ORCPT=utf-8;\x{D800}`:           "501 5.5.4",
		`TO:<ann@x> ORCPT=utf-8;\x{0A}`:             "501 5.5.4",
		"TO:<ann@x> ORCPT=rfc822;" + strings.Repeat("x", 500): "501 5.5.4",
		"TO:<ann@x> SIZE=1": "555 5.5.4",
	} {
		err := parse[(args + "    ")[:4]](args)
		var r mail.Reply
		if !errors.As(err, &r) || !strings.HasPrefix(r.Error(), want) {
			t.Errorf("%s gives %v, want %s", args, err, want)
		}
	}
}

func TestParseCommand(t *testing.T) {
	for line, want := range map[string]Command{
		"ehlo a.example":   {"EHLO", "a.example"},
		"MAIL FROM:<a@b> ": {"MAIL", "FROM:<a@b>"},
		"noop":             {"NOOP", ""},
		"QUIT \t ":         {"QUIT", ""},
		"xyz   1  2":       {"XYZ", "1  2"},
		"":                 {"", ""},
		" MAIL":            {"", "MAIL"},
	} {
		if got, err := ParseCommand([]byte(line)); err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", line, got, err, want)
		}
	}
	for line, want := range map[string]error{
		"NOOP\rQUIT": ErrBareNewline, "NOOP\nQUIT": ErrBareNewline, "NOOP\r": ErrBareNewline,
		"NOOP\x00": ErrControl, "NO\x1bOP": ErrControl, "NOOP \x7f": ErrControl, "NOOP \xff": ErrNotUTF8,
	} {
		if got, err := ParseCommand([]byte(line)); err != want {
			t.Errorf("%q is %+v, %v; want %v", line, got, err, want)
		}
	}
}

func TestParseChunk(t *testing.T) {
	for args, want := range map[string]Chunk{"0": {0, false}, "12 LAST": {12, true}, "5  last": {5, true}, "000": {0, false},
		"00000000000000000000012": {12, false}, "9999999999999999999": {huge, false}} {
		if got, err := ParseChunk(args); err != nil || got != want {
			t.Errorf("BDAT %s is %+v, %v", args, got, err)
		}
	}
	for _, args := range []string{"", "LAST", "-1", "+1", "1.5", "0x10", "1 LAST 2", "1 FIRST"} {
		if got, err := ParseChunk(args); err == nil {
			t.Errorf("BDAT %s is %+v", args, got)
		}
	}
}

func TestXtextRoundTrip(t *testing.T) {
	for _, s := range []string{"", "plain", "a+b=c d", "~!"} {
		if got, err := decodeXtext(EncodeXtext(s)); err != nil || got != s {
			t.Errorf("%q is encoded as %q and comes back as %q, %v", s, EncodeXtext(s), got, err)
		}
	}
}

func TestUTF8AddressRoundTrip(t *testing.T) {
	for _, s := range []string{"", "ann@us.example", "bøb+x=y\\z@them.example", "日本@example.jp", "a b"} {
		for _, unitext := range []bool{false, true} {
			encoded := EncodeUTF8Address(s, unitext)
			if got, err := decodeUTF8Address(encoded); err != nil || got != s || !unitext && !isASCII(encoded) {
				t.Errorf("%q is encoded as %q and comes back as %q, %v", s, encoded, got, err)
			}
		}
	}
}

// Whatever a client sends, an accepted envelope holds only what can be written into a command again.
func FuzzParameters(f *testing.F) {
	f.Add("FROM:<@a:\"x y\"@b> SIZE=1 BODY=BINARYMIME SMTPUTF8 RET=HDRS ENVID=a+2B")
	f.Add("TO:<ann@[IPv6:::1]> NOTIFY=DELAY ORCPT=utf-8;\\x{F8}")
	f.Add("TO:<postmaster>")
	f.Fuzz(func(t *testing.T, args string) {
		cmd, err := ParseCommand([]byte("X " + args))
		if err != nil {
			return
		}
		e, mailErr := ParseMail(cmd.Args, everything)
		r, rcptErr := ParseRcpt(cmd.Args, true)
		for _, err := range []error{mailErr, rcptErr} {
			var reply mail.Reply
			if err != nil && (!errors.As(err, &reply) || reply.Code < 500) {
				t.Fatalf("%q gives the error %v, which is no reply", args, err)
			}
		}
		if mailErr == nil {
			again, err := ParseMail("FROM:<"+e.ReversePath.String()+"> SMTPUTF8", everything)
			if err != nil || again.ReversePath != e.ReversePath {
				t.Fatalf("%q gives %q, which gives %q, %v", args, e.ReversePath, again.ReversePath, err)
			}
		}
		if rcptErr == nil {
			again, err := ParseRcpt("TO:<"+r.Address.String()+">", true)
			if err != nil || again.Address != r.Address {
				t.Fatalf("%q gives %q, which gives %q, %v", args, r.Address, again.Address, err)
			}
		}
	})
}
