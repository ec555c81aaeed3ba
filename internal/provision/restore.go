package provision

import (
	"context"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Restoration says what Restored did.
type Restoration struct {
	Accounts  int   `json:"accounts"`
	Mailboxes int   `json:"mailboxes"`
	NextID    int64 `json:"next_id"`        // the first id that will be given out
	Moved     int   `json:"bodies_moved"`   // bodies that have been moved since the backup was made
	Unknown   int   `json:"bodies_unknown"` // bodies of mail that the backup does not know
	Held      int64 `json:"spool_held"`     // messages in the spool, which are not sent until the operator releases them
}

// Restored makes a database that was put back to an earlier time fit to serve. Between the backup and now the server gave
// out ids, numbers and UIDs that the database has forgotten and that clients and packs remember. So that none of them comes
// to mean something else:
//
//  1. objects are found again where compaction has put them since (bodies.Relocate);
//  2. the counter of ids goes beyond everything that can have been given out (tx.SkipIDs);
//  3. every account gets a new epoch, which ends all JMAP states, and every mailbox a new UIDVALIDITY, which makes IMAP
//     clients forget what they know of it;
//  4. the sessions of programs end, since their last tokens are not the ones that the database remembers;
//  5. the spool is held, where something is in it: that mail may have been sent since the backup was made.
//
// No server may run. It works in small commits and can be repeated: where it stopped half-way, it is run again from the
// beginning.
func (s *Service) Restored(ctx context.Context) (Restoration, error) {
	bodies, err := s.bodies.Relocate(ctx)
	done := Restoration{Moved: bodies.Moved, Unknown: bodies.Unknown}
	if err != nil {
		return done, fmt.Errorf("look for bodies that were moved: %w", err)
	}
	if done.NextID, err = s.tx.SkipIDs(ctx, int64(bodies.Highest)); err != nil {
		return done, fmt.Errorf("move the counter of ids: %w", err)
	}
	if done.Held, err = s.holdSpool(ctx); err != nil {
		return done, fmt.Errorf("hold the spool: %w", err)
	}
	for after := mail.AccountID(0); ; {
		homes, err := read(ctx, s, func(t *tx.Tx) ([]mail.AccountID, error) { return s.directory.Homes(t, after, 0) })
		if err != nil || len(homes) == 0 {
			return done, err
		}
		for _, id := range homes {
			n, err := s.renumber(ctx, id)
			if err != nil {
				return done, fmt.Errorf("renumber account %v: %w", id, err)
			}
			done.Mailboxes += n
			if id != mail.SpoolAccount {
				done.Accounts++
			}
		}
		after = homes[len(homes)-1]
	}
}

// restoredReason is what an operator reads who asks why nothing is sent.
const restoredReason = "the database was restored from a backup: mail that is here may have been sent already"

// holdSpool keeps the mail in the spool from being sent, and returns how many messages there are.
func (s *Service) holdSpool(ctx context.Context) (held int64, err error) {
	err = s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		n, err := s.spool.Measure(t)
		if held = n.Messages; err != nil || held == 0 {
			return err
		}
		return s.spool.Stop(t, "", restoredReason)
	})
	return held, err
}

// renumber gives an account a new epoch and its mailboxes, which it counts, new numbers.
func (s *Service) renumber(ctx context.Context, id mail.AccountID) (mailboxes int, err error) {
	var after mail.MailboxID
	for more := true; more; {
		var last mail.MailboxID
		var n int
		err = s.tx.Write(ctx, []mail.AccountID{id}, func(t *tx.Tx) (err error) {
			if after == 0 {
				t.RaiseEpoch(id)
				if err := s.auth.EndSessions(t, id); err != nil {
					return err
				}
			}
			last, n, more, err = s.mailboxes.Renumber(t, id, after)
			return err
		})
		if err != nil {
			return mailboxes, err
		}
		after = last
		mailboxes += n
	}
	return mailboxes, nil
}
