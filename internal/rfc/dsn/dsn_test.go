package dsn

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/test/requirements"
)

var update = flag.Bool("update", false, "write testdata anew")

const original = "Received: from client.example by mail.example\r\n\tid 1\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\n" +
	"From: Ann <ann@example.org>\r\nTo: Bob <bob@elsewhere.example>\r\nSubject: Lunch\r\nMessage-ID: <lunch@example.org>\r\n\r\n" +
	"At noon?\r\n.\r\n--report_\r\n"

func at(hour int) time.Time { return time.Date(2026, 3, 2, hour, 0, 5, 0, time.FixedZone("", 3600)) }

func address(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// example is a report that each golden case changes.
func example() Message {
	return Message{
		From: address("postmaster@example.org"), To: address("ann@example.org"), ID: "r1@mail.example.org", Date: at(14),
		Report: Report{ReportingMTA: "mail.example.org", Arrival: at(10), Recipients: []Recipient{{
			Final: AddressOf(address("bob@elsewhere.example")), Action: Failed, Status: mail.EnhancedCode{5, 1, 1},
			RemoteMTA: "mx.elsewhere.example", Diagnostic: "550 5.1.1 no such user here", LastAttempt: at(14),
		}}},
	}
}

// The cases, each with its mail in testdata.
var golden = map[string]func(m *Message, returned *string, whole, utf8 *bool){
	"failed": func(*Message, *string, *bool, *bool) {},
	"failed-full": func(_ *Message, _ *string, whole, _ *bool) {
		*whole = true
	},
	"failed-full-8bit": func(_ *Message, returned *string, whole, _ *bool) {
		*returned, *whole = strings.Replace(original, "At noon?", "Um zw\xc3\xb6lf?", 1), true
	},
	"expired": func(m *Message, _ *string, _, _ *bool) {
		r := &m.Report.Recipients[0]
		r.Status, r.Diagnostic, r.RemoteMTA = mail.EnhancedCode{4, 4, 1}, "connection timed out", ""
	},
	"delayed": func(m *Message, _ *string, _, _ *bool) {
		r := &m.Report.Recipients[0]
		r.Action, r.Status, r.Diagnostic, r.WillRetryUntil = Delayed, mail.EnhancedCode{4, 2, 2}, "452 4.2.2 mailbox full", at(10).AddDate(0, 0, 5)
	},
	"several": func(m *Message, _ *string, _, _ *bool) {
		m.Report.EnvID, m.Report.ReceivedFrom = "QQ314159", "client.example"
		m.Report.Recipients = append(m.Report.Recipients,
			Recipient{Final: AddressOf(address("carol@example.org")), Original: mail.OriginalRecipient{Type: "rfc822", Address: "Carol@old.example"}, Action: Delivered},
			Recipient{Final: AddressOf(address("dan@third.example")), Action: Relayed, RemoteMTA: "mx.third.example", Diagnostic: "250 2.0.0 ok"},
			Recipient{Final: AddressOf(address("team@example.org")), Action: Expanded})
	},
	"utf8": func(m *Message, returned *string, _, utf8 *bool) {
		m.To, *utf8 = address("änne@example.org"), true
		m.Report.Recipients[0].Final = AddressOf(address("bjørn@blåbær.example"))
		m.Report.Recipients[0].Original = mail.OriginalRecipient{Type: "utf-8", Address: "bjørn+x@blåbær.example"}
		m.Report.Recipients[0].Diagnostic = "550 5.1.1 ukjent: bjørn"
		*returned = strings.Replace(original, "Lunch", "Lønsj", 1)
	},
	"raw-8bit-header": func(m *Message, returned *string, _, _ *bool) {
		m.Report.Recipients[0].Diagnostic = "550 5.1.1 ukjent: bjørn"
		*returned = strings.Replace(original, "Lunch", "L\xf8nsj", 1)
	},
	"encoded-subject": func(_ *Message, returned *string, _, _ *bool) {
		*returned = strings.Replace(original, "Lunch", "=?utf-8?q?L=C3=B8nsj_og_mye_mer_som_vi_skal_snakke_om_n=C3=A5r_vi_ses?=", 1)
	},
	"no-header": func(_ *Message, returned *string, _, _ *bool) { *returned = "\r\nonly text\r\n" },
}

func build(t *testing.T, name string) Message {
	t.Helper()
	m, returned, whole, utf8 := example(), original, false, false
	golden[name](&m, &returned, &whole, &utf8)
	var err error
	if m.Returned, err = ReadReturned(strings.NewReader(returned), whole, utf8); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGolden(t *testing.T) {
	for name := range golden {
		t.Run(name, func(t *testing.T) {
			m := build(t, name)
			got := m.Build()
			file := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v; built\n%s", err, got)
			}
			if !isLines(got) {
				t.Error("the report is not lines that can travel")
			}
			if m.To.IsASCII() && !isASCII(got[:bytes.Index(got, []byte("\r\n\r\n"))]) {
				t.Error("the header is not ASCII")
			}
			sameReport(t, m, got)
		})
	}
}

// sameReport parses what was built and compares.
func sameReport(t interface {
	Helper()
	Errorf(string, ...any)
}, m Message, raw []byte) {
	t.Helper()
	r, err := Parse(bytes.NewReader(raw), int64(len(raw)))
	want := m.Report
	want.MessageID = aboutOf(m.Returned.Content).id
	want.Recipients = nil
	for _, one := range m.Report.Recipients {
		one.Status = one.status()
		if !m.Report.needsUTF8() {
			one.Diagnostic = strings.ReplaceAll(one.Diagnostic, "ø", "U+00F8")
		}
		want.Recipients = append(want.Recipients, one)
	}
	for _, list := range [][]Recipient{r.Recipients, want.Recipients} {
		for i := range list {
			list[i].LastAttempt, list[i].WillRetryUntil = list[i].LastAttempt.UTC(), list[i].WillRetryUntil.UTC()
		}
	}
	r.Arrival, want.Arrival = r.Arrival.UTC(), want.Arrival.UTC()
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("%v; read\n%+v, want\n%+v", err, r, want)
	}
}

// Whatever is reported is read back.
func TestRoundTrip(t *testing.T) {
	words := rapid.StringMatching(`[!-~é]{1,30}( [!-~é世]{1,80}){0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		m := example()
		m.Report.EnvID = rapid.StringMatching(`[!-~]{0,90}`).Draw(t, "envid")
		m.Report.Recipients = nil
		for i := range rapid.IntRange(1, 5).Draw(t, "recipients") {
			local := rapid.StringMatching(`[a-z=+\\{}é]{1,20}`).Draw(t, "local")
			r := Recipient{
				Final: AddressOf(mail.Address{Local: local, Domain: "x.example"}), Action: rapid.SampledFrom(actions).Draw(t, "action"),
				Status: mail.EnhancedCode{rapid.SampledFrom([]int{2, 4, 5}).Draw(t, "class"), rapid.IntRange(0, 9).Draw(t, "subject"), i},
			}
			if rapid.Bool().Draw(t, "more") {
				r.Original = mail.OriginalRecipient{Type: "utf-8", Address: local + "@\\x{y}"}
				r.RemoteMTA, r.Diagnostic = "mx.example", strings.ReplaceAll(words.Draw(t, "diagnostic"), "\u00f8", "")
			}
			m.Report.Recipients = append(m.Report.Recipients, r)
		}
		if !m.Report.needsUTF8() {
			for i := range m.Report.Recipients {
				m.Report.Recipients[i].Diagnostic = strings.Map(func(r rune) rune { return min(r, '~') }, m.Report.Recipients[i].Diagnostic)
			}
		}
		m.Returned, _ = ReadReturned(strings.NewReader(original), rapid.Bool().Draw(t, "whole"), rapid.Bool().Draw(t, "utf8"))
		raw := m.Build()
		if !isLines(raw) {
			t.Fatalf("no lines: %q", raw)
		}
		sameReport(t, m, raw)
	})
}

// What comes from strangers stays in its field.
func TestStrangersText(t *testing.T) {
	m := example()
	m.Report.EnvID = "a\r\nX-Injected: 1"
	r := &m.Report.Recipients[0]
	r.Diagnostic = "550 5.1.1 a\r\nX-Injected: 1\r\n\r\nFinal-Recipient: rfc822; x@y\x00\x1b[0m\xff" + strings.Repeat("é", 5000)
	r.RemoteMTA = "mx\r\nX-Injected: 1"
	r.Original = mail.OriginalRecipient{Type: "rfc822", Address: "a\nX-Injected: 1" + strings.Repeat("x", 3000)}
	header := "Subject: =?utf-8?q?a=0D=0AX-Injected:_1" + "?=\r\nMessage-ID: <a\x01b\xff@x>\r\n\r\n"
	m.Returned, _ = ReadReturned(strings.NewReader(header), false, false)
	raw := m.Build()
	if bytes.Contains(raw, []byte("\nX-Injected")) || !isLines(raw) || bytes.ContainsAny(raw, "\x00\x1b\x01") {
		t.Errorf("built\n%s", raw)
	}
	got, err := Parse(bytes.NewReader(raw), int64(len(raw)))
	if err != nil || len(got.Recipients) != 1 || len(got.Recipients[0].Diagnostic) > MaxDiagnostic*4 {
		t.Errorf("read %+v, %v", got, err)
	}
	if bytes.Contains(raw, []byte("In-Reply-To")) {
		t.Error("an id that is none is answered")
	}
}

func TestReadReturned(t *testing.T) {
	long := strings.Repeat("x", 70) + "\r\n"
	for name, c := range map[string]struct {
		content string
		whole   bool
		want    string
		isWhole bool
	}{
		"header":           {original, false, original[:strings.Index(original, "At noon")], false},
		"whole":            {original, true, original, true},
		"too large":        {original + strings.Repeat(long, MaxReturn/len(long)), true, original[:strings.Index(original, "At noon")], false},
		"a line too large": {"a: b\r\n\r\n" + strings.Repeat("x\r\n", (MaxReturn-8)/3+1), true, "a: b\r\n\r\n", false},
		"as large as may":  {"a: b\r\n\r\n" + strings.Repeat("x\r\n", (MaxReturn-8)/3), true, "a: b\r\n\r\n" + strings.Repeat("x\r\n", (MaxReturn-8)/3), true},
		"binary":           {"a: b\r\n\r\na\x00b\r\n", true, "a: b\r\n\r\n", false},
		"bare LF":          {"a: b\nc: d\n\nx\n", true, "a: b\r\nc: d\r\n\r\n", false},
		"long line":        {"a: b\r\n\r\n" + strings.Repeat("x", maxLine+1) + "\r\n", true, "a: b\r\n\r\n", false},
		"empty":            {"", true, "", true},
		"nothing":          {"", false, "\r\n", false},
		"controls":         {"a: \x00\x1bb\r\n\r\n", false, "a: b\r\n\r\n", false},
		"long header":      {"a: b\r\nc: " + strings.Repeat(" "+long, MaxHeader/len(long)+1) + "d: e\r\n\r\n", false, "a: b\r\n\r\n", false},
		"cut header":       {"a: b\r\n" + strings.Repeat("c: "+long, 2*MaxHeader/len(long)), false, "a: b\r\n" + strings.Repeat("c: "+long, (MaxHeader-8)/(len(long)+3)) + "\r\n", false},
	} {
		got, err := ReadReturned(strings.NewReader(c.content), c.whole, false)
		if err != nil || string(got.Content) != c.want || got.Whole != c.isWhole {
			t.Errorf("%s: %v; whole %v, %d bytes, want %v, %d bytes: %.200q", name, err, got.Whole, len(got.Content), c.isWhole, len(c.want), got.Content)
		}
	}
	if _, err := ReadReturned(iotest.ErrReader(io.ErrNoProgress), false, false); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// Reports as other servers write them.
func TestParseStatus(t *testing.T) {
	const first = "Reporting-MTA: dns; mx.example\n\n"
	for name, c := range map[string]struct {
		in   string
		want string // final, action, status, diagnostic of each recipient
	}{
		"usual":            {first + "Final-Recipient: rfc822; bob@x\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n", "rfc822 bob@x failed 5.1.1 550 no"},
		"in one block":     {"Reporting-MTA: dns; mx\nFinal-Recipient: rfc822;bob@x\nAction: failed\nStatus: 5.0.0\n", "rfc822 bob@x failed 5.0.0 "},
		"blank lines":      {"\r\n\r\n" + first + "\r\n\r\n\r\nFinal-Recipient: rfc822; <bob@x>\r\nAction: DELAYED (later)\r\nStatus: 4.4.1 (no answer)\r\n\r\n\r\n", "rfc822 bob@x delayed 4.4.1 "},
		"no type":          {first + "Final-Recipient: bob@x\nAction: delivered\nStatus: 2.0.0", "rfc822 bob@x delivered 2.0.0 "},
		"other type":       {first + "Final-Recipient: X400; /G=Bob/\nAction: relayed\nStatus: 2.1", "x400 /G=Bob/ relayed 0.0.0 "},
		"utf-8":            {first + `Final-Recipient: utf-8; bj\x{F8}rn\x{2B}\x{}\x{zz}\x{110000}\x{0A}@x` + "\nAction: failed\nStatus: 9.0.0", `utf-8 bjørn+\x{}\x{zz}�\x{0A}@x failed 0.0.0 `},
		"folded":           {first + "Final-Recipient: rfc822;\n bob@x\nAction:\n failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550\n\tno\n such\n", "rfc822 bob@x failed 5.1.1 550\tno such"},
		"only one is read": {first + "Action: failed\n\nFinal-Recipient: rfc822; a@x\nAction: lost\n\nFinal-Recipient: rfc822; b@x\nAction: failed\nStatus: 1000.1.1\n", "rfc822 b@x failed 0.0.0 "},
		"none":             {first, ""},
		"nothing":          {"", ""},
	} {
		r, err := ParseStatus(strings.NewReader(c.in))
		var got []string
		for _, one := range r.Recipients {
			got = append(got, fmt.Sprintf("%s %s %s %s %s", one.Final.Type, one.Final.Text, one.Action, one.Status, one.Diagnostic))
		}
		if text := strings.Join(got, "\n"); text != c.want || (c.want == "") != mail.Is(err, mail.Invalid) || r.Truncated {
			t.Errorf("%s: %v; read %q, want %q", name, err, text, c.want)
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	const one = "Final-Recipient: rfc822; bob@x\nAction: failed\nStatus: 5.1.1\n"
	for name, c := range map[string]struct {
		in string
		n  int
	}{
		"recipients": {"a: b\n\n" + strings.Repeat(one+"\n", MaxRecipients+10), MaxRecipients},
		"block":      {"a: b\n\n" + one + strings.Repeat("x: "+strings.Repeat("y", 5000)+"\n", 100), 1},
		"line":       {"a: b\n\n" + one + "x: " + strings.Repeat("y", MaxStatus/2) + "\n\n" + one, 2},
		"status":     {"a: b\n\n" + one + "\n" + strings.Repeat(strings.Repeat("x", 999)+"\n", 2*MaxStatus/1000) + "\n" + one, 1},
	} {
		r, err := ParseStatus(iotest.HalfReader(strings.NewReader(c.in)))
		if err != nil || len(r.Recipients) != c.n || !r.Truncated {
			t.Errorf("%s: %v; %d recipients, truncated %v", name, err, len(r.Recipients), r.Truncated)
		}
	}
	if r, err := ParseStatus(strings.NewReader("a: b\n\n" + strings.Repeat(one+"\n", MaxRecipients))); err != nil || r.Truncated {
		t.Errorf("as many as may be: %v, truncated %v", err, r.Truncated)
	}
	if _, err := ParseStatus(io.MultiReader(strings.NewReader(one), iotest.ErrReader(io.ErrNoProgress))); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that fails: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", original, "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n" +
		"Content-Type: message/delivery-status\r\n\r\na: b\r\n\r\nFinal-Recipient: rfc822; a@x\r\nAction: failed\r\n--b--\r\n"} {
		if r, err := Parse(strings.NewReader(in), int64(len(in))); !mail.Is(err, mail.Invalid) {
			t.Errorf("%.60q is read as %+v, %v", in, r, err)
		}
	}
}

// Another program reads what we write.
func TestPythonReadsIt(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not there")
	}
	const script = `
import email, email.policy, sys
for name in sys.argv[1:]:
    m = email.message_from_bytes(open(name, "rb").read(), policy=email.policy.default)
    assert m.get_content_type() == "multipart/report" and m.get_param("report-type") == "delivery-status", name
    assert m["Auto-Submitted"] == "auto-replied" and m["From"].addresses[0].addr_spec == "postmaster@example.org", name
    parts = list(m.iter_parts())
    assert len(parts) == 3 and parts[0].get_content_type() == "text/plain", name
    assert "automatic message" in parts[0].get_content(), name
    if parts[1].get_content_type() == "message/delivery-status":
        blocks = parts[1].get_payload()
        assert blocks[0]["Reporting-MTA"] == "dns; mail.example.org", name
        assert len(blocks) > 1 and all(b["Final-Recipient"] and b["Action"] and b["Status"] for b in blocks[1:]), name
    else:
        assert parts[1].get_content_type() == "message/global-delivery-status", name
    for p in m.walk():
        assert not p.defects, (name, p.get_content_type(), p.defects)
print("read", len(sys.argv) - 1)
`
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) != len(golden) {
		t.Fatalf("%v: %d files for %d cases", err, len(files), len(golden))
	}
	out, err := exec.CommandContext(t.Context(), python, append([]string{"-c", script}, files...)...).CombinedOutput()
	if want := fmt.Sprintf("read %d\n", len(files)); err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
}

func TestRequirements(t *testing.T) {
	requirements.Check(t, "../../..", "report", []string{"delivery status", "multipart/report", "utf-8 addresses"})
}

// Everything a code can mean is said, and no line of the text is long.
func TestText(t *testing.T) {
	m := build(t, "several")
	for code := range meanings {
		m.Report.Recipients[0].Status = mail.EnhancedCode{5, code[0], code[1]}
		for line := range strings.Lines(m.text(aboutOf(m.Returned.Content))) {
			if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
				t.Errorf("%v: %q", code, line)
			}
		}
	}
	m.Report.Recipients[0].Status = mail.EnhancedCode{5, 1, 99}
	if text := m.text(about{}); !strings.Contains(text, "Something is wrong with the address") {
		t.Errorf("a detail that is not known: %s", text)
	}
}

func FuzzParse(f *testing.F) {
	for name := range golden {
		raw, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("Final-Recipient: utf-8; \\x{41}\nAction: failed\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, parse := range []func() (Report, error){
			func() (Report, error) { return Parse(bytes.NewReader(raw), int64(len(raw))) },
			func() (Report, error) { return ParseStatus(bytes.NewReader(raw)) },
		} {
			r, err := parse()
			if err != nil {
				if !mail.Is(err, mail.Invalid) {
					t.Fatal(err)
				}
				continue
			}
			for _, one := range r.Recipients {
				if strings.ContainsAny(one.Final.Text+one.Diagnostic+one.Original.Address, "\r\n\x00") || one.Action == "" {
					t.Fatalf("read %+v", one)
				}
			}
			m := example()
			m.Report, m.Returned = r, Returned{Content: headerOf(raw)}
			if built := m.Build(); !isLines(built) {
				t.Fatalf("what was read is built as %q", built)
			}
		}
	})
}
