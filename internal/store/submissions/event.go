package submissions

import (
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Step is an event of one recipient of a submission.
type Step struct {
	Account    mail.AccountID
	Submission mail.SubmissionID
	Recipient  int        // its number
	Event      mail.Event // At: zero for now
}

// insertEvent drops the step where the submission is not there any more. A recipient has at most MaxEvents events, but the
// final one is always kept.
const insertEvent = `INSERT INTO submission_event (account_id, submission_id, recipient, seq, kind, at, who, code, enhanced, reply)
	SELECT account_id, id, CAST($3 AS BIGINT), last + 1, CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS TEXT), CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS TEXT)
	FROM (SELECT account_id, id, COALESCE((SELECT MAX(e.seq) FROM submission_event e
		WHERE e.account_id = $1 AND e.submission_id = $2 AND e.recipient = $3), 0) AS last FROM submission WHERE account_id = $1 AND id = $2) AS s
	WHERE last < $10`

// Record keeps steps, in their order. It waits for no answer of the database.
func (s *Store) Record(t *tx.Tx, steps ...Step) error {
	for _, step := range steps {
		e := step.Event
		if e.At.IsZero() {
			e.At = t.Now()
		}
		most := MaxEvents
		if e.Kind.Final() {
			most *= 2
		}
		enhanced := (e.Reply.Enhanced[0]*1000+e.Reply.Enhanced[1])*1000 + e.Reply.Enhanced[2]
		t.SQL().Queue(insertEvent, step.Account, step.Submission, step.Recipient, string(e.Kind), e.At, cut(e.By), e.Reply.Code, enhanced, cut(e.Reply.Text), most)
	}
	return nil
}

// cut bounds a text that came from elsewhere, and makes it one that both engines keep.
func cut(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "?"), "?")
	if len(text) <= MaxText {
		return text
	}
	end := MaxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Events returns all steps of a submission, for each recipient in the order in which they were made, the first of them
// being EventQueued. mail.NotFound when the submission is not there.
func (s *Store) Events(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) ([][]mail.Event, error) {
	sub, err := s.Submission(t, account, id)
	if err != nil {
		return nil, err
	}
	out := make([][]mail.Event, len(sub.Recipients))
	for i := range out {
		out[i] = []mail.Event{{Kind: mail.EventQueued, At: sub.Created}}
	}
	rows, err := t.SQL().Query(`SELECT recipient, kind, at, who, code, enhanced, reply FROM submission_event
		WHERE account_id = $1 AND submission_id = $2 ORDER BY recipient, seq`, account, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var recipient, enhanced int
		var kind string
		var e mail.Event
		if err := rows.Scan(&recipient, &kind, &e.At, &e.By, &e.Reply.Code, &enhanced, &e.Reply.Text); err != nil {
			return nil, err
		}
		e.Kind = mail.EventKind(kind)
		e.Reply.Enhanced = mail.EnhancedCode{enhanced / 1e6, enhanced / 1e3 % 1e3, enhanced % 1e3}
		if recipient >= 0 && recipient < len(out) {
			out[recipient] = append(out[recipient], e)
		}
	}
	return out, rows.Err()
}
