package dkim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// found is what Verify says, a result and a domain for each signature.
func found(t *testing.T, message string, lookup Lookup) (string, []Signature, []byte) {
	t.Helper()
	list, block, err := Verify(t.Context(), strings.NewReader(message), lookup)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range list {
		out = append(out, string(s.Result))
	}
	return strings.Join(out, " "), list, block
}

func of(records map[string][]string) Lookup {
	return func(_ context.Context, name string) ([]string, error) { return records[name], nil }
}

func TestVerify(t *testing.T) {
	list, records := testKeys(t)
	signed, err := Sign(list, []byte(block), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(r map[string][]string)) map[string][]string {
		changed := map[string][]string{}
		for name, texts := range records {
			changed[name] = append([]string(nil), texts...)
		}
		change(changed)
		return changed
	}
	each := func(edit func(string) string) map[string][]string {
		return with(func(r map[string][]string) {
			for name := range r {
				r[name][0] = edit(r[name][0])
			}
		})
	}
	for name, c := range map[string]struct {
		message string
		records map[string][]string
		want    string
	}{
		"as it was":       {signed + block + body, records, "pass pass"},
		"none":            {block + body, records, ""},
		"another body":    {signed + block + body + "More.\r\n", records, "fail fail"},
		"another subject": {signed + strings.Replace(block, "two", "three", 1) + body, records, "fail fail"},
		"no key":          {signed + block + body, nil, "permerror permerror"},
		"two keys": {signed + block + body, with(func(r map[string][]string) {
			for n := range r {
				r[n] = append(r[n], r[n][0])
			}
		}), "permerror permerror"},
		"a revoked key":     {signed + block + body, each(func(s string) string { return s[:strings.Index(s, "p=")] + "p=" }), "permerror permerror"},
		"a key in test":     {signed + block + body, each(func(s string) string { return s + "; t=y" }), "policy policy"},
		"a key for itself":  {signed + block + body, each(func(s string) string { return s + "; t=s" }), "pass pass"},
		"a key for TLS":     {signed + block + body, each(func(s string) string { return s + "; s=tlsrpt" }), "permerror permerror"},
		"a length":          {strings.ReplaceAll(signed, " a=", " l=10; a=") + block + body, records, "policy policy"},
		"expired":           {strings.ReplaceAll(signed, " a=", " x=1000; a=") + block + body, records, "permerror permerror"},
		"another version":   {strings.ReplaceAll(signed, "v=1", "v=2") + block + body, records, "permerror permerror"},
		"another algorithm": {strings.ReplaceAll(signed, "sha256", "sha1") + block + body, records, "permerror permerror"},
		"another domain":    {strings.ReplaceAll(signed, "d=example.org", "d=example.net") + block + body, records, "permerror permerror"},
		"not of the domain": {strings.ReplaceAll(signed, " a=", " i=@example.net; a=") + block + body, records, "permerror permerror"},
		"From not signed":   {"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s-rsa; h=to; bh=eA==; b=eA==\r\n" + block + body, records, "permerror"},
		"no syntax":         {"DKIM-Signature: ;;;==\r\nDKIM-Signature:\r\n" + block + body, records, "permerror permerror"},
		"no body":           {"DKIM-Signature: v=1\r\nFrom: a@example.org\r\n", records, "permerror"},
	} {
		if got, _, _ := found(t, c.message, of(c.records)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	later := func(context.Context, string) ([]string, error) { return nil, errors.New("no answer") }
	got, sigs, _ := found(t, signed+block+body, later)
	if got != "temperror temperror" || sigs[0].Domain != "example.org" || sigs[0].Identity != "@example.org" || !strings.Contains(sigs[0].Reason, "no answer") {
		t.Errorf("%s, %+v", got, sigs[0])
	}
}

// What stands above what was signed is not covered.
func TestCovers(t *testing.T) {
	list, records := testKeys(t)
	const head = "List-Unsubscribe: <https://a.example/>\r\n" + block
	signed, err := Sign(list, []byte(head), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_, sigs, header := found(t, signed+head+body, of(records))
	s := sigs[0]
	if s.Result != Pass || !s.Covers(header, "list-unsubscribe") || !s.Covers(header, "From") || s.Covers(header, "Received") || s.Covers(header, "Cc") {
		t.Errorf("%+v", s)
	}
	got, sigs, header := found(t, "List-Unsubscribe: <https://evil.example/>\r\n"+signed+head+body, of(records))
	if got != "pass pass" || sigs[0].Covers(header, "List-Unsubscribe") {
		t.Errorf("a field that was added is covered: %s", got)
	}
}

func TestVerifyLimits(t *testing.T) {
	many := strings.Repeat("DKIM-Signature: v=1; d=example.org\r\n", 100)
	if _, list, _ := found(t, many+block+body, of(nil)); len(list) != MaxSignatures {
		t.Errorf("%d signatures were looked at", len(list))
	}
	large := fmt.Sprintf("X: %s\r\n", strings.Repeat("x", MaxHeader)) + block + body
	if _, _, err := Verify(t.Context(), strings.NewReader(large), of(nil)); err == nil {
		t.Error("a header without end was read")
	}
}

// Whatever stands in the fields, the two readings of them agree.
func FuzzVerify(f *testing.F) {
	f.Add("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=eA==; b=eA==\r\nFrom: a@b\r\n\r\nx\r\n")
	f.Add("dkim-signature : v=1\r\n\r\n")
	f.Add("DKIM-Signature: x\n\n")
	f.Add(" DKIM-Signature: x\r\nDKIM-Signature\r\n\r\n")
	f.Fuzz(func(t *testing.T, message string) {
		_, _, err := Verify(t.Context(), strings.NewReader(message), of(nil))
		if err != nil && strings.Contains(err.Error(), "were seen") {
			t.Error(err)
		}
	})
}

// Lines that end in LF alone, and a message that ends with its header, are read as the library reads them.
func TestVerifyLineEnds(t *testing.T) {
	list, records := testKeys(t)
	signed, err := Sign(list, []byte(block), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := found(t, strings.ReplaceAll(signed+block+body, "\r\n", "\n"), of(records)); got != "pass pass" {
		t.Errorf("LF alone: %s", got)
	}
	signed, err = Sign(list, []byte(block), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := found(t, strings.TrimSuffix(signed+block, "\r\n"), of(records)); got != "pass pass" {
		t.Errorf("no body: %s", got)
	}
}
