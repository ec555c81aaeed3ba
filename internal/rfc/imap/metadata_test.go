package imap

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadMetadata(t *testing.T) {
	for line, want := range map[string]Command{
		`GETMETADATA "" /shared/comment`: GetMetadata{Entries: []string{"/shared/comment"}, MaxSize: -1},
		`GETMETADATA inbox (/Shared/Comment "/private/a b")`: GetMetadata{Mailbox: "INBOX",
			Entries: []string{"/Shared/Comment", "/private/a b"}, MaxSize: -1},
		`GETMETADATA (MAXSIZE 0 depth infinity) "" "/a"`:  GetMetadata{Entries: []string{"/a"}, Depth: DepthAll},
		`GETMETADATA "a b" (DEPTH 1) (/a)`:                GetMetadata{Mailbox: "a b", Entries: []string{"/a"}, Depth: DepthOne, MaxSize: -1},
		"GETMETADATA (DEPTH 0) {1+}\r\na ({2+}\r\n/b /c)": GetMetadata{Mailbox: "a", Entries: []string{"/b", "/c"}, MaxSize: -1},
		`SETMETADATA "" (/private/a NIL)`:                 SetMetadata{Values: []MetadataValue{{"/private/a", nil}}},
		`SETMETADATA a (/shared/b "" /shared/c "x \"y")`:  SetMetadata{"a", []MetadataValue{{"/shared/b", []byte{}}, {"/shared/c", []byte(`x "y`)}}},
		"SETMETADATA a (/b {3+}\r\n\r\n\xff /c ~{3+}\r\n\x00\x01\n)": SetMetadata{"a", []MetadataValue{
			{"/b", []byte("\r\n\xff")}, {"/c", []byte("\x00\x01\n")}}},
		`LIST "" % RETURN (METADATA /a)`:                 List{Patterns: []string{"%"}, Return: ListReturn{Metadata: []string{"/a"}}, Extended: true},
		`LIST "" % RETURN (CHILDREN METADATA ("/a" /b))`: List{Patterns: []string{"%"}, Return: ListReturn{Children: true, Metadata: []string{"/a", "/b"}}, Extended: true},
	} {
		if got := read(t, "a "+line+"\r\n", Dialect{}, Authenticated).Command; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %#v\nwant %#v", line, got, want)
		}
	}
}

func TestMetadataRefusals(t *testing.T) {
	for line, want := range map[string]string{
		`GETMETADATA "" ()`:               "BAD  the list of",
		`GETMETADATA ""`:                  "BAD  expected a space",
		`GETMETADATA (DEPTH 2) "" /a`:     "BAD  DEPTH is",
		`GETMETADATA () "" /a`:            "BAD  the list of options",
		`GETMETADATA (SIZE 2) "" /a`:      "BAD  unknown GETMETADATA option",
		`GETMETADATA "" comment`:          "BAD  the name of an entry",
		`GETMETADATA "" /a/`:              "BAD  the name of an entry",
		`GETMETADATA "" /a//b`:            "BAD  the name of an entry",
		`GETMETADATA "" "/a*"`:            "BAD  the name of an entry",
		`GETMETADATA "" "/%"`:             "BAD  the name of an entry",
		`GETMETADATA "" "/é"`:             "BAD  the name of an entry",
		"GETMETADATA \"\" \"/\x19\"":      "BAD  the name of an entry",
		"GETMETADATA \"\" {3+}\r\n/\xe9x": "BAD  the name of an entry",
		`SETMETADATA a ()`:                "BAD  the list of entries",
		`SETMETADATA a (/b)`:              "BAD  expected a space",
		`SETMETADATA a (/b x)`:            "BAD  expected a string or NIL",
		"SETMETADATA a (/b {1+}\r\n\x00)": "",
		"SETMETADATA a (/b {32769}":       "NO METADATA MAXSIZE 32768 ",
		"SETMETADATA a (/b ~{32769+}\r\n" + strings.Repeat("\x00", 32769) + ")": "NO METADATA MAXSIZE 32768 ",
		`LIST "" % RETURN (METADATA ())`:                                        "BAD  the list of entries",
		`LIST "" % RETURN (METADATA)`:                                           "BAD  expected a space",
	} {
		r := newTestReader("a "+line+"\r\nb NOOP\r\n", Config{})
		req, err := r.ReadCommand()
		if want == "" { // a NUL in an ordinary literal is let through: clients do send it
			if err != nil {
				t.Errorf("%q: %v", line, err)
			}
			continue
		}
		e, _ := err.(*Error)
		if e == nil || !strings.HasPrefix(string(e.Condition)+" "+string(e.Code)+" "+e.Text, want) {
			t.Errorf("%.60q: %+v, %v", line, req, err)
			continue
		}
		if next, err := r.ReadCommand(); err != nil || next.Tag != "b" {
			t.Errorf("%.60q: then %+v, %v", line, next, err)
		}
	}
}

func TestEncodeMetadata(t *testing.T) {
	for want, write := range map[string]func(e *Encoder){
		`* METADATA "" (/a NIL /b "" "/c d" "x")`: func(e *Encoder) {
			e.Metadata("", []MetadataValue{{"/a", nil}, {"/b", []byte{}}, {"/c d", []byte("x")}})
		},
		"* METADATA &AOk- (/a {2}\r\n\r\n /b ~{1}\r\n\x00 /c {1}\r\n\xff)": func(e *Encoder) {
			e.Metadata("é", []MetadataValue{{"/a", []byte("\r\n")}, {"/b", []byte{0}}, {"/c", []byte("\xff")}})
		},
		`* METADATA INBOX /a "/b c"`:      func(e *Encoder) { e.MetadataChanged("INBOX", []string{"/a", "/b c"}) },
		"a OK [METADATA LONGENTRIES 7] x": func(e *Encoder) { e.Tagged("a", OK, CodeMetadataLongEntries(7), "x") },
	} {
		if got := encoded(t, Dialect{}, write); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
