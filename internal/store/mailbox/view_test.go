package mailbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// viewOf makes a view of messages with these UIDs, in chunks as full as can be.
func viewOf(uids ...mail.UID) *View {
	var b builder
	for _, uid := range uids {
		b.add(Entry{UID: uid, Email: mail.EmailID(uid) * 10, ModSeq: 1, keywords: uint32(uid % 2)})
	}
	next := mail.UID(1)
	if len(uids) > 0 {
		next = uids[len(uids)-1] + 1
	}
	return b.view(alice, 1, Status{UIDValidity: 1, UIDNext: next}, newKeywordSets([]keywordSet{{}, {"odd", []string{"odd"}}}))
}

func upTo(n int) []mail.UID {
	uids := make([]mail.UID, n)
	for i := range uids {
		uids[i] = mail.UID(i + 1)
	}
	return uids
}

func TestViewLookup(t *testing.T) {
	var even []mail.UID
	for i := range 1000 {
		even = append(even, mail.UID(2*i+2))
	}
	v := viewOf(even...)
	if v.Len() != 1000 {
		t.Fatalf("Len = %d", v.Len())
	}
	for seq := 1; seq <= 1000; seq++ {
		uid := mail.UID(2 * seq)
		if got := v.At(seq); got.UID != uid {
			t.Fatalf("At(%d) = uid %d, want %d", seq, got.UID, uid)
		}
		if e, at := v.Find(uid); at != seq || e.UID != uid {
			t.Fatalf("Find(%d) = uid %d at %d, want %d", uid, e.UID, at, seq)
		}
		if _, at := v.Find(uid - 1); at != 0 {
			t.Fatalf("Find(%d) found %d", uid-1, at)
		}
		if got := v.Seq(uid - 1); got != seq {
			t.Fatalf("Seq(%d) = %d, want %d", uid-1, got, seq)
		}
	}
	for _, seq := range []int{-1, 0, 1001} {
		if got := v.At(seq); got != (Entry{}) {
			t.Errorf("At(%d) = %v, want nothing", seq, got)
		}
	}
	if _, at := v.Find(0); at != 0 {
		t.Errorf("Find(0) found %d", at)
	}
	if got := v.Seq(^mail.UID(0)); got != 1001 {
		t.Errorf("Seq of the highest UID = %d, want 1001", got)
	}
}

func TestViewRange(t *testing.T) {
	v := viewOf(upTo(600)...)
	for _, tt := range []struct{ first, last, from, n int }{
		{1, 600, 1, 600}, {0, 9999, 1, 600}, {256, 257, 256, 2}, {600, 600, 600, 1}, {601, 700, 0, 0}, {5, 4, 0, 0}, {-3, 0, 0, 0},
	} {
		n, first := 0, 0
		for seq, e := range v.Range(tt.first, tt.last) {
			if n++; n == 1 {
				first = seq
			}
			if int(e.UID) != seq {
				t.Fatalf("Range(%d, %d): uid %d at %d", tt.first, tt.last, e.UID, seq)
			}
		}
		if n != tt.n || first != tt.from {
			t.Errorf("Range(%d, %d) yields %d from %d, want %d from %d", tt.first, tt.last, n, first, tt.n, tt.from)
		}
	}
	for range v.All() {
		break // leaving early is allowed
	}
	for range viewOf().All() {
		t.Error("an empty view yields a message")
	}
}

func TestViewSets(t *testing.T) {
	v := viewOf(3, 5, 6, 7, 20)
	for _, tt := range []struct{ seqs, uids string }{
		{"1", "3"}, {"1:5", "3,5:7,20"}, {"2:3,5", "5:6,20"}, {"6:9", ""},
	} {
		if got := v.UIDs(set(tt.seqs)).String(); got != tt.uids {
			t.Errorf("UIDs(%s) = %s, want %s", tt.seqs, got, tt.uids)
		}
	}
	for _, tt := range []struct{ uids, seqs string }{
		{"3", "1"}, {"1:2", ""}, {"4:6", "2:3"}, {"1:4294967295", "1:5"}, {"7:4294967295", "4:5"}, {"21", ""}, {"8:19", ""}, {"3:5,7", "1:2,4"},
		{"3,20:21", "1,5"},
	} {
		if got := v.Seqs(set(tt.uids)).String(); got != tt.seqs {
			t.Errorf("Seqs(%s) = %s, want %s", tt.uids, got, tt.seqs)
		}
	}
}

// Seqs goes through a set with a finder, over chunks and gaps of any length: it says what Seq says of each UID.
func TestViewSeqsIsSeqOfEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var uids []mail.UID
		last := mail.UID(0)
		for range rapid.IntRange(0, 700).Draw(t, "messages") {
			last += mail.UID(rapid.SampledFrom([]int{1, 1, 1, 2, 5, 40}).Draw(t, "gap"))
			uids = append(uids, last)
		}
		v := viewOf(uids...)
		var ask, want imap.Set
		for n := uint32(0); n < uint32(last)+10; {
			n += uint32(rapid.SampledFrom([]int{1, 2, 3, 30, 400}).Draw(t, "skip"))
			ask.Add(n)
		}
		for n := range ask.All() {
			if _, seq := v.Find(mail.UID(n)); seq != 0 {
				want.Add(uint32(seq))
			}
		}
		if got := v.Seqs(ask).String(); got != want.String() {
			t.Fatalf("Seqs(%s) = %s, want %s", ask, got, want)
		}
	})
}

func TestKeywordsOfAView(t *testing.T) {
	in := newInterner(nil)
	a, b := in.number("apple pear"), in.number("pear")
	if in.number("") != 0 || in.number("apple pear") != a || a == b {
		t.Error("a set of keywords has one number")
	}
	old := in.done()
	in = newInterner(old)
	if in.number("pear") != b || in.done() != old {
		t.Error("known sets are shared")
	}
	c := in.number("Apple zebra")
	fresh := in.done()
	if got := fresh.names(c); !slices.Equal(got, []string{"Apple", "zebra"}) {
		t.Errorf("names = %q", got)
	}
	if got := strings.Join(fresh.inUse(), " "); got != "apple pear zebra" {
		t.Errorf("in use: %s", got)
	}
	if got := strings.Join(old.inUse(), " "); got != "apple pear" {
		t.Errorf("the old view changed: %s", got)
	}
	many := newInterner(nil)
	for i := range 3 * MaxKeywordsListed {
		many.number(fmt.Sprintf("k%d", i))
	}
	if got := len(many.done().inUse()); got != MaxKeywordsListed {
		t.Errorf("%d keywords listed, want %d", got, MaxKeywordsListed)
	}
}

// sameView fails when two views differ in anything a caller can see.
func sameView(t rapid.TB, got, want *View, what string) {
	t.Helper()
	if got.Status() != want.Status() || got.Len() != want.Len() {
		t.Fatalf("%s: %d messages and %+v, want %d and %+v", what, got.Len(), got.Status(), want.Len(), want.Status())
	}
	for seq, w := range want.All() {
		g := got.At(seq)
		gk, wk := got.Keywords(g), want.Keywords(w)
		g.keywords, w.keywords = 0, 0
		if g != w || !slices.Equal(gk, wk) {
			t.Fatalf("%s: message %d is %+v %q, want %+v %q", what, seq, g, gk, w, wk)
		}
	}
}

// applied returns the UIDs of a view after a diff, and those whose modseq changed.
func applied(old *View, d *Diff) (uids []mail.UID) {
	for _, e := range old.All() {
		uids = append(uids, e.UID)
	}
	for _, p := range slices.Backward(d.Expunged) { // as IMAP's EXPUNGE from the highest number down
		if uids[p.Seq-1] != p.UID {
			return nil
		}
		uids = slices.Delete(uids, p.Seq-1, p.Seq)
	}
	for _, p := range d.Added {
		uids = append(uids, p.UID)
	}
	return uids
}

// rightDiff fails unless d leads from one view to the other.
func rightDiff(t rapid.TB, before, after *View, d *Diff) {
	t.Helper()
	var want []mail.UID
	for _, e := range after.All() {
		want = append(want, e.UID)
	}
	if got := applied(before, d); !slices.Equal(got, want) {
		t.Fatalf("the diff %+v leads to %v, want %v", d, got, want)
	}
	var changed []Position
	for _, e := range before.All() {
		if now, seq := after.Find(e.UID); seq > 0 && now.ModSeq != e.ModSeq {
			changed = append(changed, Position{seq, e.UID})
		}
	}
	if !slices.Equal(d.Changed, changed) {
		t.Fatalf("changed %v, want %v", d.Changed, changed)
	}
	for _, p := range d.Added {
		if after.At(p.Seq).UID != p.UID {
			t.Fatalf("%+v was not added there", p)
		}
	}
}

// Views made by advancing are those made at once, however the messages fall into chunks.
func TestViewModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1200).Draw(t, "messages")
		all := make(map[mail.UID]Entry)
		v := viewOf(upTo(n)...)
		for _, e := range v.All() {
			all[e.UID] = e
		}
		next := mail.UID(n + 1)
		for step := range rapid.IntRange(1, 8).Draw(t, "steps") {
			before := v
			var gone []mail.UID
			var put []Entry
			uids := make([]mail.UID, 0, len(all))
			for uid := range all {
				uids = append(uids, uid)
			}
			slices.Sort(uids)
			first := rapid.IntRange(0, len(uids)).Draw(t, "first")
			last := min(len(uids), first+rapid.SampledFrom([]int{0, 1, 3, 300, 2000}).Draw(t, "length"))
			stride := rapid.SampledFrom([]int{1, 2, 50}).Draw(t, "stride")
			expunge := rapid.Bool().Draw(t, "expunge")
			for i := first; i < last; i += stride {
				if expunge {
					gone = append(gone, uids[i])
					delete(all, uids[i])
					continue
				}
				e := all[uids[i]]
				e.ModSeq = mail.ModSeq(step + 2)
				all[e.UID] = e
				put = append(put, e)
			}
			for range rapid.SampledFrom([]int{0, 1, 300}).Draw(t, "new") {
				e := Entry{UID: next, Email: mail.EmailID(next), ModSeq: mail.ModSeq(step + 2)}
				all[next] = e
				put = append(put, e)
				next++
			}
			status := Status{UIDValidity: 1, UIDNext: next, ModSeq: mail.ModSeq(step + 2), Messages: int64(len(all))}
			v = v.advance(status, gone, put, v.sets)

			var b builder
			for uid := mail.UID(1); uid < next; uid++ {
				if e, ok := all[uid]; ok {
					b.add(e)
				}
			}
			sameView(t, v, b.view(v.account, v.mailbox, status, v.sets), "advanced")
			rightDiff(t, before, v, Compare(before, v))
			rightKeeping(t, before, v)
			small := 0
			for i, c := range v.chunks {
				if len(c.entries) == 0 || len(c.entries) > chunkSize {
					t.Fatalf("a chunk of %d", len(c.entries))
				}
				if i > 0 && len(c.entries)+len(v.chunks[i-1].entries) <= chunkSize/2 {
					small++
				}
			}
			if small > 1+step {
				t.Fatalf("%d of %d chunks are small and stand beside a small one", small, len(v.chunks))
			}
		}
	})
}

// rightKeeping fails unless a client that is told of nothing expunged keeps its numbers, and can be told later.
func rightKeeping(t rapid.TB, before, after *View) {
	t.Helper()
	d := Compare(before, after)
	kept := after.Keeping(before, d)
	if kept.Status().ModSeq != before.Status().ModSeq {
		t.Fatalf("HIGHESTMODSEQ is %d though messages are held back, before it was %d", kept.Status().ModSeq, before.Status().ModSeq)
	}
	first, then := Compare(before, kept), Compare(kept, after)
	if len(first.Expunged) > 0 || len(first.Added) != len(d.Added) || len(first.Changed) != len(d.Changed) {
		t.Fatalf("the first step is %+v of %+v", first, d)
	}
	rightDiff(t, before, kept, first)
	if len(then.Added)+len(then.Changed) > 0 || !slices.Equal(then.Expunged, d.Expunged) {
		t.Fatalf("the second step is %+v, want %v expunged", then, d.Expunged)
	}
	for _, p := range d.Expunged {
		if e := kept.At(p.Seq); e.UID != p.UID || !slices.Equal(kept.Keywords(e), before.Keywords(before.At(p.Seq))) {
			t.Fatalf("%+v lost its number or its keywords", p)
		}
	}
}

func TestAdvanceSharesWhatDidNotChange(t *testing.T) {
	v := viewOf(upTo(10 * chunkSize)...)
	e := v.At(3*chunkSize + 5)
	e.ModSeq = 2
	after := v.advance(v.status, []mail.UID{5*chunkSize + 1}, []Entry{e, {UID: v.status.UIDNext}}, v.sets)
	shared := 0
	for _, c := range after.chunks {
		if slices.Contains(v.chunks, c) {
			shared++
		}
	}
	if shared != 8 || len(after.chunks) != 11 {
		t.Errorf("%d of %d chunks are shared, want 8 of 11", shared, len(after.chunks))
	}
	d := Compare(v, after)
	if len(d.Expunged) != 1 || len(d.Changed) != 1 || len(d.Added) != 1 || d.Empty() {
		t.Errorf("diff %+v", d)
	}
	if d := Compare(v, v); !d.Empty() {
		t.Errorf("diff with itself: %+v", d)
	}
}

func BenchmarkViewAdvanceByOne(b *testing.B) {
	v := viewOf(upTo(100_000)...)
	put := []Entry{{UID: v.status.UIDNext, ModSeq: 2}}
	b.ReportAllocs()
	for b.Loop() {
		Compare(v, v.advance(v.status, nil, put, v.sets))
	}
}

func BenchmarkViewFind(b *testing.B) {
	v := viewOf(upTo(100_000)...)
	for i := 0; b.Loop(); i++ {
		v.Find(mail.UID(i%100_000 + 1))
	}
}
