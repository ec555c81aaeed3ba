package submissions

import (
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Receipt is mail in a mailbox here that an account here has submitted.
type Receipt struct {
	Account mail.AccountID // who has it
	Email   mail.EmailID

	Sender     mail.AccountID
	Submission mail.SubmissionID
	Recipient  int // its number
	Author     mail.Address
}

// Expect remembers that mail has come to a mailbox here, until it is displayed. It belongs to the commit of the delivery.
func (s *Store) Expect(t *tx.Tx, r Receipt) {
	t.SQL().Queue(`INSERT INTO receipt (account_id, email_id, sender_id, submission_id, recipient, author) VALUES ($1, $2, $3, $4, $5, $6)`,
		r.Account, r.Email, r.Sender, r.Submission, r.Recipient, r.Author.String())
}

// receiptPage is for how many emails one statement asks.
const receiptPage = 100

// Displayed returns what was expected of emails of an account, which is locked, and forgets it: they have been displayed.
func (s *Store) Displayed(t *tx.Tx, account mail.AccountID, emails []mail.EmailID) (out []Receipt, err error) {
	for len(emails) > 0 {
		page := emails[:min(len(emails), receiptPage)]
		emails = emails[len(page):]
		if out, err = displayed(t, account, page, out); err != nil {
			return nil, err
		}
	}
	for _, r := range out {
		t.SQL().Queue(`DELETE FROM receipt WHERE account_id = $1 AND email_id = $2`, account, r.Email)
	}
	return out, nil
}

func displayed(t *tx.Tx, account mail.AccountID, page []mail.EmailID, out []Receipt) ([]Receipt, error) {
	args := []any{account}
	var in strings.Builder
	for _, id := range page {
		args = append(args, id)
		fmt.Fprintf(&in, ", $%d", len(args))
	}
	rows, err := t.SQL().Query(`SELECT email_id, sender_id, submission_id, recipient, author FROM receipt
		WHERE account_id = $1 AND email_id IN (`+in.String()[2:]+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r := Receipt{Account: account}
		var author string
		if err := rows.Scan(&r.Email, &r.Sender, &r.Submission, &r.Recipient, &author); err != nil {
			return nil, err
		}
		if author != "" {
			if r.Author, err = mail.ParseAddress(author); err != nil {
				return nil, fmt.Errorf("submissions: the author of %v: %w", r.Email, err)
			}
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
