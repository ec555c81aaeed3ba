package spool

import (
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Finding is something in the spool's rows that does not agree.
type Finding struct {
	Message mail.SpoolID
	What    string
}

// Check reports messages that nobody is owed, recipients without a message, and envelopes that cannot be read or do not
// name their recipients. It reads a message at a time.
func (s *Store) Check(t *tx.Tx, report func(Finding)) error {
	for after := mail.SpoolID(0); ; {
		ids, err := s.Messages(t, after, 0)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		for _, after = range ids {
			if err := s.checkMessage(t, after, report); err != nil {
				return err
			}
		}
	}
	rows, err := t.SQL().Query(`SELECT DISTINCT r.spool_id FROM spool_recipient r LEFT JOIN spool_message m ON m.id = r.spool_id WHERE m.id IS NULL ORDER BY r.spool_id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id mail.SpoolID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		report(Finding{id, "recipients are owed a message that is not there"})
	}
	return rows.Err()
}

func (s *Store) checkMessage(t *tx.Tx, id mail.SpoolID, report func(Finding)) error {
	m, err := s.Message(t, id)
	switch {
	case errors.Is(err, ErrFormat):
		return nil // a newer version's to check
	case err != nil && db.IsUnavailable(err):
		return err
	case err != nil:
		report(Finding{id, err.Error()})
		return nil
	}
	recipients, err := s.Recipients(t, id)
	if err != nil {
		return err
	}
	if len(recipients) == 0 {
		report(Finding{id, "nobody is owed the message any more"})
	}
	var owed int
	if err := t.SQL().QueryRow(`SELECT owed FROM spool_message WHERE id = $1`, id).Scan(&owed); err != nil {
		return err
	}
	if owed != len(recipients) && len(recipients) > 0 {
		report(Finding{id, fmt.Sprintf("%d recipients are counted, and %d are owed the message", owed, len(recipients))})
	}
	for _, r := range recipients {
		if to := m.Envelope.Recipients; r.Number < 0 || r.Number >= len(to) || to[r.Number].Address != r.Address {
			report(Finding{id, fmt.Sprintf("recipient %d is %s, which the envelope does not name there", r.Number, r.Address)})
		}
	}
	return nil
}
