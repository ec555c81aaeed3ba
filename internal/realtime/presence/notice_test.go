package presence

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/mail"
)

func FuzzParseNotice(f *testing.F) {
	for _, n := range []notice{
		{kind: kindBeat, node: 7, at: time.UnixMicro(1)},
		{kind: kindSignal, node: 1 << 63, from: 3, to: 4, as: Name{5, addressOf("ann")}, state: Composing, thread: 6, at: time.UnixMicro(9)},
		{kind: kindHere, from: 3, to: 4, as: Name{5, addressOf("ann")}, theirs: Name{6, addressOf("bob")}, state: Unknown, answer: true, at: time.UnixMicro(9)},
	} {
		b := n.append(nil)
		if got, ok := parseNotice(b); !ok || !reflect.DeepEqual(got, n) {
			f.Errorf("%+v became %+v", n, got)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := parseNotice(b)
		if !ok {
			return
		}
		if again, ok := parseNotice(n.append(nil)); !ok || !reflect.DeepEqual(again, n) {
			t.Errorf("%+v became %+v", n, again)
		}
	})
}

// The longest notice goes over the bus.
func TestNoticeFits(t *testing.T) {
	long := mail.Address{Local: strings.Repeat("a", mail.MaxLocalLength), Domain: strings.Repeat("b.", 94) + "c"}
	n := notice{kind: kindHere, node: 1 << 63, from: 1<<63 - 1, to: 1<<63 - 1, as: Name{1<<63 - 1, long}, theirs: Name{1<<63 - 1, long},
		state: Unknown, answer: true, thread: 1<<63 - 1, at: time.Now()}
	if b := n.append(nil); len(long.String()) != mail.MaxAddressLength || !cluster.Valid(subject, b) {
		t.Errorf("an address of %d bytes makes a notice of %d", len(long.String()), len(b))
	}
}
