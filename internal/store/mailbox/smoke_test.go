package mailbox

import (
	"fmt"
	"testing"
)

func TestSmoke(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		b := r.create(alice, "a/b")
		r.fill(alice, in.ID, 500)
		v := r.view(alice, in.ID)
		fmt.Println(v.Len(), v.Status())
		st, err := r.StoreFlags(t.Context(), alice, in.ID, set("1:400"), FlagChange{Op: AddFlags, Flags: flags(`\Seen`, `\Deleted`, "x")})
		fmt.Println(st, err)
		c, err := r.Copy(t.Context(), alice, in.ID, b.ID, set("1:500"))
		fmt.Println(c, err)
		m, err := r.Move(t.Context(), alice, in.ID, b.ID, set("300:500"))
		fmt.Println(m, err)
		n, err := r.Expunge(t.Context(), alice, in.ID, set("1:500"))
		fmt.Println(n, err)
		v2 := r.view(alice, in.ID)
		d := Compare(v, v2)
		fmt.Println(len(d.Expunged), len(d.Added), len(d.Changed), v2.Status())
		fmt.Println(r.Delete(t.Context(), alice, b.ID))
	})
}
