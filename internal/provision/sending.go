package provision

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func (s *Service) changeSending(t *tx.Tx, id mail.AccountID, c AccountChange) error {
	to, err := s.sent.Sending(t, id)
	if err != nil {
		return err
	}
	if c.MaxRecipients != nil {
		to.MaxRecipients = int(*c.MaxRecipients)
	}
	if c.MaxStrangers != nil {
		to.MaxStrangers = int(*c.MaxStrangers)
	}
	if c.SentCopy != nil {
		to.SentCopy = *c.SentCopy
	}
	if c.UndoSeconds != nil {
		to.Undo = time.Duration(min(*c.UndoSeconds, maxSeconds)) * time.Second
	}
	return s.sent.SetSending(t, id, to)
}

// maxSeconds keeps a number of seconds a duration; the room has a limit of its own.
const maxSeconds = 1 << 30

// Submissions lists what an account has handed in, the newest first, at most limit of them. before is the last of the page
// before, the zero Submission at the beginning.
func (s *Service) Submissions(ctx context.Context, a mail.Address, before submissions.Submission, limit int) ([]submissions.Submission, error) {
	return read(ctx, s, func(t *tx.Tx) ([]submissions.Submission, error) {
		account, err := s.directory.ByAddress(t, a)
		if err != nil {
			return nil, err
		}
		return s.sent.List(t, account.ID, before, limit)
	})
}

// Submission returns one, with every step of it to each recipient.
func (s *Service) Submission(ctx context.Context, a mail.Address, id mail.SubmissionID) (sub submissions.Submission, events [][]mail.Event, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		account, err := s.directory.ByAddress(t, a)
		if err != nil {
			return err
		}
		if sub, err = s.sent.Submission(t, account.ID, id); err == nil {
			events, err = s.sent.Events(t, account.ID, id)
		}
		return err
	})
	return sub, events, err
}
