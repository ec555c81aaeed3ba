package mailbox

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func TestSummariesComeInTheOrderAskedFor(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.fill(alice, in.ID, 700)
		var all []mail.EmailID
		for _, e := range r.view(alice, in.ID).All() {
			all = append(all, e.Email)
		}
		backwards, shuffled := slices.Clone(all), slices.Clone(all)
		slices.Reverse(backwards)
		random := rand.New(rand.NewPCG(1, 2))
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		var sparse, second, gaps []mail.EmailID
		for i, id := range all {
			if i%97 == 0 {
				sparse = append(sparse, id)
			}
			if i%2 == 0 {
				second = append(second, id)
			}
			if gaps = append(gaps, id); i%50 == 0 {
				gaps = append(gaps, id+1<<40) // which is nobody's
			}
		}
		tests := map[string][]mail.EmailID{
			"all": all, "backwards": backwards, "shuffled": shuffled, "sparse": sparse, "every second": second, "with gaps": gaps, "none": nil, "one": all[5:6],
			"twice": {all[3], all[3], all[2]}, "unknown": {1, 2, 3}, "ends out of order": append(slices.Clone(all[100:]), all[0]),
		}
		for name, ids := range tests {
			t.Run(name, func(t *testing.T) {
				want := slices.DeleteFunc(slices.Clone(ids), func(id mail.EmailID) bool { return !slices.Contains(all, id) })
				var got []mail.EmailID
				r.read(func(x *tx.Tx) error {
					return r.Summaries(x, alice, ids, func(e *Email) bool {
						got = append(got, e.ID)
						if len(e.Summary) == 0 || e.Blob == (mail.BlobID{}) || e.Size == 0 {
							t.Fatalf("%+v", e)
						}
						return true
					})
				})
				if !slices.Equal(got, want) {
					t.Errorf("%d emails, want %d", len(got), len(want))
				}
				stopped := 0
				r.read(func(x *tx.Tx) error {
					return r.Summaries(x, alice, ids, func(*Email) bool { stopped++; return stopped < 3 })
				})
				if stopped != min(3, len(want)) {
					t.Errorf("stopped after %d", stopped)
				}
			})
		}
	})
}
