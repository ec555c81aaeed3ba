package tracking

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	maxTelling = 8                      // accounts are told at a time
	apart      = 100 * time.Millisecond // what happens to an account's mail meanwhile is told together: many recipients, a busy queue
)

// Run tells accounts what has happened to their submissions, until ctx ends.
func (tr *Tracking) Run(ctx context.Context) {
	tr.o.Submissions.SetWake(tr.wake)
	defer tr.o.Submissions.SetWake(nil)
	var telling sync.WaitGroup
	defer telling.Wait()
	places := make(chan struct{}, maxTelling)
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			tr.findLeft(ctx)
			sweep.Reset(Sweep)
		case <-tr.ended:
			tr.findLeft(ctx)
		case <-tr.poked:
		}
		for _, account := range tr.take() {
			select {
			case <-ctx.Done():
				return
			case places <- struct{}{}:
			}
			telling.Go(func() {
				defer func() { <-places }()
				tr.tell(ctx, account)
				time.AfterFunc(apart, func() { tr.free(account) })
			})
		}
	}
}

// NodesEnded has news looked for that a node may have left untold which is no more, and returns at once.
func (tr *Tracking) NodesEnded() {
	select {
	case tr.ended <- struct{}{}:
	default:
	}
}

// wake is what store/submissions calls after a commit.
func (tr *Tracking) wake(account mail.AccountID) {
	tr.mu.Lock()
	tr.wanted[account] = struct{}{}
	tr.mu.Unlock()
	select {
	case tr.poked <- struct{}{}:
	default:
	}
}

// take returns the accounts that are to be told now. They are busy until free.
func (tr *Tracking) take() (now []mail.AccountID) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for account := range tr.wanted {
		if !tr.busy[account] {
			now = append(now, account)
			tr.busy[account] = true
			delete(tr.wanted, account)
		}
	}
	return now
}

func (tr *Tracking) free(account mail.AccountID) {
	tr.mu.Lock()
	delete(tr.busy, account)
	_, again := tr.wanted[account]
	tr.mu.Unlock()
	if again {
		tr.wake(account)
	}
}

// findLeft finds news that nobody has told: of a process that has ended, or of accounts that could not be written.
func (tr *Tracking) findLeft(ctx context.Context) {
	var after mail.AccountID
	for {
		var page []mail.AccountID
		err := tr.o.Tx.Read(ctx, func(t *tx.Tx) (err error) { page, err = tr.o.Submissions.WithNews(t, after); return err })
		if err != nil {
			if ctx.Err() == nil {
				tr.o.Log.Warn("tracking: cannot look for what is to be told", "err", err)
			}
			return
		}
		for _, account := range page {
			tr.wake(account)
			after = account
		}
		if len(page) < submissions.MaxNews {
			return
		}
	}
}

// tell enters the news of an account into its change log, and into the keywords of its copies.
func (tr *Tracking) tell(ctx context.Context, account mail.AccountID) {
	for more := true; more; {
		err := tr.o.Tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
			ids, rest, err := tr.o.Submissions.TakeNews(t, account)
			if err != nil {
				return err
			}
			more = rest
			for _, id := range ids {
				if err := tr.mark(t, account, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			if ctx.Err() == nil && !mail.Is(err, mail.Gone) { // Gone: it is being moved or removed, with its news
				tr.o.Log.Warn("tracking: an account is told later what became of its mail", "account", account, "err", err)
			}
			return
		}
	}
}

// mark gives the sender's copy the keywords that say what became of a submission. The account is locked.
func (tr *Tracking) mark(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) error {
	sub, err := tr.o.Submissions.Submission(t, account, id)
	switch {
	case mail.Is(err, mail.NotFound), err == nil && sub.Email == 0:
		return nil
	case err != nil:
		return err
	}
	events, err := tr.o.Submissions.EventsOf(t, &sub)
	if err != nil {
		return err
	}
	change := mailbox.EmailChange{Email: sub.Email}
	if sub.Due.After(sub.Created) && begun(events) {
		if change.Into, change.OutOf, err = tr.scheduled(t, &sub); err != nil {
			return err
		}
	}
	if plain(events) && change.Into == nil {
		return nil
	}
	have := keywordsOf(events)
	for _, k := range []string{mailflow.KeywordDelayed, mailflow.KeywordDelivered, mailflow.KeywordDisplayed, mailflow.KeywordUndelivered} {
		if have[k] {
			change.Add.Keywords = append(change.Add.Keywords, k)
		} else {
			change.Remove.Keywords = append(change.Remove.Keywords, k)
		}
	}
	// What is refused is of a copy that is not there any more, or has all the keywords it can have.
	_, err = tr.o.Mailbox.As(sub.Account).ChangeEmails(t, sub.Account, []mailbox.EmailChange{change})
	return err
}

// begun reports whether a message has left, or will not leave any more without that somebody took it back.
func begun(events [][]mail.Event) bool {
	for _, one := range events {
		for _, e := range one {
			if e.Kind != mail.EventQueued && e.Kind != mail.EventCanceled {
				return true
			}
		}
	}
	return false
}

// scheduled says where the copy of a message that was sent later belongs now that it has left: from the mailbox for what is scheduled, if
// it lies there, to that for what was sent.
func (tr *Tracking) scheduled(t *tx.Tx, sub *submissions.Submission) (into, outOf []mail.MailboxID, err error) {
	waiting, err := tr.o.Mailbox.ByRole(t, sub.Account, mailbox.RoleScheduled)
	if mail.Is(err, mail.NotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	lies, err := tr.o.Mailbox.Memberships(t, sub.Account, sub.Email)
	if err != nil && !mail.Is(err, mail.NotFound) {
		return nil, nil, err
	}
	if !slices.ContainsFunc(lies, func(m mailbox.Membership) bool { return m.Mailbox == waiting.ID }) {
		return nil, nil, nil
	}
	sent, err := tr.o.Mailbox.ByRole(t, sub.Account, mailbox.RoleSent)
	if mail.Is(err, mail.NotFound) {
		return nil, nil, nil
	}
	return []mail.MailboxID{sent.ID}, []mail.MailboxID{waiting.ID}, err
}

// plain reports whether nothing has happened for which there is a keyword, nor ever was: most mail just goes to another server.
func plain(events [][]mail.Event) bool {
	for _, one := range events {
		for _, e := range one {
			if e.Kind != mail.EventQueued && e.Kind != mail.EventAttempted && e.Kind != mail.EventRelayed {
				return false
			}
		}
	}
	return true
}

// keywordsOf are those that the events of all recipients come to.
func keywordsOf(events [][]mail.Event) map[string]bool {
	have := map[string]bool{mailflow.KeywordDelivered: len(events) > 0, mailflow.KeywordDisplayed: len(events) > 0}
	for _, one := range events {
		s := submissions.StatusOf(one)
		have[mailflow.KeywordDelivered] = have[mailflow.KeywordDelivered] && s.Delivered == submissions.Yes
		have[mailflow.KeywordDisplayed] = have[mailflow.KeywordDisplayed] && s.Displayed == submissions.Yes
		have[mailflow.KeywordDelayed] = have[mailflow.KeywordDelayed] || s.Delayed
		have[mailflow.KeywordUndelivered] = have[mailflow.KeywordUndelivered] || s.Delivered == submissions.No
	}
	return have
}
