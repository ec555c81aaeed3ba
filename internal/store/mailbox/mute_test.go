package mailbox

import (
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// What comes to a muted thread is muted, in its own account, until the keyword is taken from any of its mail.
func TestMutedThread(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		n := 0
		arrive := func(account mail.AccountID, ids ...string) (at Appended, muted bool) {
			n++
			m := Message{Blob: mail.BlobID{byte(n)}, Size: 1, Summary: []byte("s"), MessageIDs: ids, BaseSubject: "s"}
			at = r.append(account, r.path(account, Inbox).ID, m)
			r.must(r.tx.Read(t.Context(), func(x *tx.Tx) error {
				places, err := r.Memberships(x, account, at.Email)
				muted = err == nil && slices.Contains(places[0].Flags.Keywords, KeywordMuted)
				return err
			}))
			return at, muted
		}
		first, _ := arrive(alice, "1@x")
		arrive(bob, "1@x")
		if _, muted := arrive(alice, "2@x", "1@x"); muted {
			t.Error("a thread is muted that nobody muted")
		}
		inbox := r.path(alice, Inbox).ID
		_, err := r.StoreFlags(t.Context(), alice, inbox, set("1"), FlagChange{Op: AddFlags, Flags: flags("$MUTED", "other")})
		r.must(err)
		third, muted := arrive(alice, "3@x", "2@x")
		if !muted || third.Thread != first.Thread {
			t.Error("an answer in a muted thread is not muted")
		}
		if _, muted := arrive(alice, "4@y"); muted {
			t.Error("another thread is muted")
		}
		if _, muted := arrive(bob, "3@x", "1@x"); muted {
			t.Error("the thread of another account is muted")
		}
		r.change(alice, alice, EmailChange{Email: third.Email, Remove: flags("other")})
		if _, muted := arrive(alice, "5@x", "3@x"); !muted {
			t.Error("another keyword ends it")
		}
		r.change(alice, alice, EmailChange{Email: third.Email, Remove: flags(KeywordMuted)})
		if _, muted := arrive(alice, "6@x", "3@x"); muted {
			t.Error("the thread is muted still")
		}
		r.change(alice, alice, EmailChange{Email: first.Email, Keywords: &mail.Flags{}}, EmailChange{Email: third.Email, Add: flags(KeywordMuted)})
		if _, muted := arrive(alice, "7@x", "1@x"); !muted {
			t.Error("JMAP does not mute it")
		}
	})
}
