package mailbox

import (
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Names are subscribed to in the model, whether mailboxes bear them or not: only SetSubscribed ends that.

func (x *run) subscribe(t *rapid.T) {
	levels, _ := splitPath("test", drawPath(t))
	path, subscribed := strings.Join(levels, Separator), rapid.Bool().Draw(t, "subscribed")
	if err := x.write(x.account, func(t *tx.Tx) error { return x.SetSubscribed(t, x.account, path, subscribed) }); err != nil {
		t.Fatal(err)
	}
	if delete(x.subscribed, path); subscribed {
		x.subscribed[path] = true
	}
}

// renamed gives a mailbox and those below it their new names, which are subscribed to where the old ones are.
func (x *run) renamed(was, path string) {
	for _, b := range x.boxes {
		if b.path == was || strings.HasPrefix(b.path, was+Separator) {
			to := path + b.path[len(was):]
			if x.subscribed[b.path] {
				x.subscribed[to] = true
			}
			b.path = to
		}
	}
}

func (x *run) compareSubscribed(t *rapid.T, list []Mailbox) {
	var have []string
	x.read(func(r *tx.Tx) (err error) {
		have, err = x.Subscriptions(r, x.account)
		return err
	})
	for _, m := range list {
		if m.Subscribed {
			have = append(have, m.Path)
		}
	}
	slices.Sort(have)
	if want := slices.Sorted(maps.Keys(x.subscribed)); !slices.Equal(have, want) {
		t.Fatalf("subscribed: %q, want %q", have, want)
	}
}
