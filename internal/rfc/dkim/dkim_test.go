package dkim

import (
	"crypto"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mailmesh/mailmesh/test/requirements"
)

// testKeys are one of each kind, with what a resolver would answer.
func testKeys(t *testing.T) (list []Key, records map[string][]string) {
	t.Helper()
	records = map[string][]string{}
	for _, a := range []Algorithm{Ed25519, RSA} {
		private, err := NewKey(a)
		if err != nil {
			t.Fatal(err)
		}
		der, err := Marshal(private)
		if err != nil {
			t.Fatal(err)
		}
		if private, err = Parse(der); err != nil {
			t.Fatal(err)
		}
		k := Key{Domain: "example.org", Selector: "s-" + string(a), Private: private}
		text, err := Record(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		list, records[RecordName(k.Selector, k.Domain)] = append(list, k), []string{text}
	}
	return list, records
}

const (
	block = "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: one\r\n two\r\nReceived: x\r\nReferences: <a@b>\r\n" +
		"Date: Sun, 22 Nov 2026 04:05:06 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n"
	body = "A line \t of  text. \r\n\r\nAnother.\r\n\r\n\r\n"
)

// verdicts are what a receiver finds, a letter for each signature.
func verdicts(t *testing.T, records map[string][]string, message string) string {
	t.Helper()
	found, err := dkim.VerifyWithOptions(strings.NewReader(message), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return records[name], nil }})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, v := range found {
		switch {
		case v.Err == nil && v.Domain == "example.org":
			out += "+"
		default:
			out += "-"
		}
	}
	return out
}

// A receiver finds both signatures good, whatever relays do that canonicalization allows, and both broken by anything else.
func TestSign(t *testing.T) {
	list, records := testKeys(t)
	signed, err := Sign(list, []byte(block), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"a=ed25519-sha256", "a=rsa-sha256", "s=s-rsa", "s=s-ed25519", "c=relaxed/relaxed"} {
		if !strings.Contains(signed, a) {
			t.Errorf("no signature has %s: %s", a, signed)
		}
	}
	if strings.Contains(signed, "l=") || strings.Contains(signed, "x=") || strings.Contains(strings.ToLower(signed), "received") {
		t.Errorf("the signatures have a length, an expiry or a trace field: %s", signed)
	}
	for line := range strings.SplitSeq(signed, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line has %d bytes", len(line)) // RFC 5322 2.1.1
		}
	}
	for name, c := range map[string]struct{ header, body, want string }{
		"as it was":            {block, body, "++"},
		"relayed":              {"Received: y\r\n" + strings.Replace(block, "one\r\n two", "one two ", 1), "A line of text.\r\n\r\nAnother.\r\n", "++"},
		"another body":         {block, body + "More.\r\n", "--"},
		"another subject":      {strings.Replace(block, "two", "three", 1), body, "--"},
		"a second From":        {"From: eve@example.net\r\n" + block, body, "--"},
		"a Reply-To":           {"Reply-To: eve@example.net\r\n" + block, body, "--"},
		"another Content-Type": {"Content-Type: text/html\r\n" + block, body, "--"},
		"References gone":      {strings.Replace(block, "References: <a@b>\r\n", "", 1), body, "--"},
	} {
		if got := verdicts(t, records, signed+c.header+c.body); got != c.want {
			t.Errorf("%s: the signatures are %s, want %s", name, got, c.want)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	if _, err := Sign([]Key{{Domain: "example.org", Selector: "s"}}, []byte(block), strings.NewReader(body)); err == nil {
		t.Error("signed without a key")
	}
	if _, err := NewKey("dsa"); err == nil {
		t.Error("a key of an unknown kind was drawn")
	}
	if _, err := Parse([]byte("no key")); err == nil {
		t.Error("something that is no key was read")
	}
	if _, err := Record(crypto.PublicKey(7)); err == nil {
		t.Error("something that is no key got a record")
	}
}

// What is published is the key in the form of RFC 6376 3.6.1 and RFC 8463 4.
func TestRecord(t *testing.T) {
	list, _ := testKeys(t)
	for i, start := range []string{"v=DKIM1; k=ed25519; p=", "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"} {
		text, err := Record(list[i].Private.Public())
		if err != nil || !strings.HasPrefix(text, start) || len(text) > 450 {
			t.Errorf("the record is %s, %v", text, err)
		}
	}
}

// Every test that the lists of the standards name exists.
func TestRequirementsAreTested(t *testing.T) {
	requirements.Check(t, "../../..", "signature", []string{"DKIM", "Ed25519"})
}
