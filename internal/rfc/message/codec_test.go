package message

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

var typicalMail = crlf(`Received: from mx.example.org by mail.example.com; Mon, 1 Jan 2024 10:00:01 +0000
Received: from [192.0.2.1] by mx.example.org; Mon, 1 Jan 2024 10:00:00 +0000
Date: Mon, 1 Jan 2024 11:00:00 +0100
From: =?utf-8?q?J=C3=B6rg?= Example <joerg@example.org>
To: Alice <alice@example.com>, bob@example.com
Subject: Re: the plan for tomorrow
Message-ID: <4dd1f0a1-72a3-4a3a-8a6b-3f5f0a0c1a2b@example.org>
In-Reply-To: <a3f0a0c1a2b-11@example.com>
References: <first-message-0001@example.com> <a3f0a0c1a2b-11@example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_3f5f0a0c1a2b"

--=_3f5f0a0c1a2b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

> Shall we meet?

Yes, at ten. I bring the cake, J=C3=B6rg brings the coffee.
--=_3f5f0a0c1a2b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body><p>Yes, at ten.</p></body></html>
--=_3f5f0a0c1a2b--
`)

func summarize(t testing.TB, content string) *Summary {
	t.Helper()
	s, err := Summarize(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSummary(t *testing.T) {
	s := summarize(t, typicalMail)
	want := Info{
		Size: int64(len(typicalMail)), HeaderLength: int64(strings.Index(typicalMail, "\r\n\r\n") + 4), Received: 2,
		SentDate:    time.Date(2024, 1, 1, 11, 0, 0, 0, time.FixedZone("", 3600)),
		BaseSubject: "the plan for tomorrow", Reply: true,
		MessageID: "4dd1f0a1-72a3-4a3a-8a6b-3f5f0a0c1a2b@example.org", InReplyTo: []string{"a3f0a0c1a2b-11@example.com"},
		References: []string{"first-message-0001@example.com", "a3f0a0c1a2b-11@example.com"},
		Preview:    "Yes, at ten. I bring the cake, Jörg brings the coffee.",
	}
	if !reflect.DeepEqual(s.Info, want) {
		t.Errorf("\n got %+v\nwant %+v", s.Info, want)
	}
	roundTrip(t, s)
	b, _ := s.AppendBinary(nil)
	t.Logf("%d bytes", len(b))
}

func roundTrip(t testing.TB, s *Summary) {
	t.Helper()
	prefix := []byte("prefix")
	b, err := s.AppendBinary(prefix)
	if err != nil || !bytes.HasPrefix(b, prefix) {
		t.Fatal(err)
	}
	var got Summary
	if err := got.UnmarshalBinary(b[len(prefix):]); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, s) {
		t.Fatalf("\n got %+v\nwant %+v", &got, s)
	}
}

func TestSummaryRoundTrip(t *testing.T) {
	for _, content := range []string{"", "\r\n", sectionMail, nested(120), strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 200),
		"To: g: a@b, c;, <@r:d@e>, x\r\nContent-Type: x/y; a=b; filename*0*=utf-8''a; filename*1=b\r\nContent-Disposition: attachment; filename=x\r\n" +
			"Content-ID: <1>\r\nContent-Description: d\r\nContent-MD5: m\r\nContent-Language: de, en\r\nContent-Location: l\r\n" +
			"Date: Tue, 2 Jan 2024 00:00:00 -0330\r\nSender: s@t\r\nReply-To: r@t\r\n\r\n"} {
		roundTrip(t, summarize(t, content))
	}
}

func TestUnmarshalDamaged(t *testing.T) {
	b, _ := summarize(t, sectionMail).AppendBinary(nil)
	var s Summary
	for n := range b {
		if err := s.UnmarshalBinary(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes are read as a whole", n, len(b))
		}
	}
	good := summarize(t, sectionMail)
	for extra := -1; extra < 4; extra++ {
		e := encoder{[]byte{codecVersion}}
		for i, write := range []func(){func() { e.info(&good.Info) }, func() { e.envelope(&good.Envelope) }, func() { e.structure(good.Root) },
			func() { e.listing(good.listing, e.b[:len(e.b):len(e.b)]) }} {
			e.section(func() {
				write()
				if i == extra {
					e.uint(0)
				}
			})
		}
		if err := s.UnmarshalBinary(e.b); (err == nil) != (extra < 0) {
			t.Errorf("with a byte too many in section %d: %v", extra, err)
		}
	}
	if err := s.UnmarshalBinary(append([]byte{codecVersion + 1}, b[1:]...)); err == nil {
		t.Error("an unknown version is read")
	}
}

// TestUnmarshalHostileTree: no tree is read that breaks what the readers of a Part rely on.
func TestUnmarshalHostileTree(t *testing.T) {
	leaf := func(offset, length int64) *Part {
		return &Part{Header: Range{offset, 0}, Body: Range{offset, length}, Type: "text", Subtype: "plain", Encoding: "7bit"}
	}
	multipart := func(children ...*Part) *Part {
		return &Part{Body: Range{0, 10}, Type: "multipart", Subtype: "mixed", Encoding: "7bit", Children: children}
	}
	deep := leaf(0, 10)
	for range 2 * maxCodecDepth {
		deep = multipart(deep)
	}
	inside := multipart(leaf(0, 4), leaf(4, 6))
	b, _ := (&Summary{Root: inside}).AppendBinary(nil)
	if _, err := UnmarshalStructure(b); err != nil {
		t.Errorf("a good tree: %v", err)
	}
	message := leaf(0, 10)
	message.Envelope = &Envelope{}
	for name, root := range map[string]*Part{
		"a child longer than its parent":      multipart(leaf(0, 11)),
		"a child after its parent":            multipart(leaf(11, 1)),
		"children that overlap":               multipart(leaf(0, 6), leaf(4, 6)),
		"a size that overflows":               leaf(1<<62, 1<<62),
		"a multipart without children":        multipart(),
		"an embedded message without message": message,
		"a tree too deep":                     deep,
	} {
		b, _ := (&Summary{Root: root}).AppendBinary(nil)
		if _, err := UnmarshalStructure(b); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestDictionary(t *testing.T) {
	for _, word := range dictionary {
		if len(word) > maxWord {
			t.Errorf("%q is longer than maxWord", word)
		}
	}
	if len(dictionaryIndex) != len(dictionary) {
		t.Error("a word is there twice")
	}
}

func BenchmarkSummaryDecode(b *testing.B) {
	data, _ := summarize(b, typicalMail).AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		var s Summary
		if err := s.UnmarshalBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnvelopeDecode(b *testing.B) {
	data, _ := summarize(b, typicalMail).AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := UnmarshalEnvelope(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSummaryEncode(b *testing.B) {
	s := summarize(b, typicalMail)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = s.AppendBinary(buf[:0])
	}
}

func BenchmarkSummarize(b *testing.B) {
	for _, bench := range []struct {
		name    string
		content string
	}{{"typical", typicalMail}, {"1MB", typicalMail[:len(typicalMail)-20] + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1<<20/78)}} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.content)))
			b.ReportAllocs()
			content := []byte(bench.content)
			for b.Loop() {
				s := NewSummarizer(Limits{})
				s.Write(content)
				s.Close()
			}
		})
	}
}
