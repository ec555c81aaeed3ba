package mailbox

import "testing"

func TestTotals(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		first, err := r.Totals(t.Context())
		if err != nil || first.Accounts == 0 || first.Messages != 0 || first.Bytes != 0 {
			t.Fatalf("without mail: %+v, %v", first, err)
		}
		in, box := r.path(alice, Inbox), r.create(alice, "more")
		one := testMessage("1")
		r.append(alice, in.ID, one)
		r.append(bob, r.path(bob, Inbox).ID, testMessage("2"))
		if _, err := r.Copy(t.Context(), alice, in.ID, box.ID, everything); err != nil {
			t.Fatal(err)
		}
		got, err := r.Totals(t.Context())
		if err != nil || got.Accounts != first.Accounts || got.Messages != 2 || got.Bytes != 2*one.Size {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
