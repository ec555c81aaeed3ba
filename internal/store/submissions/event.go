package submissions

import (
	"fmt"
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

// insertSteps enters one or two steps of a recipient, and drops them where the submission is not there any more. A recipient has
// at most MaxEvents events, but the final one is always kept. Both engines name the columns of VALUES column1, column2 ...
var insertSteps = [...]string{1: stepsText(1), 2: stepsText(2)}

const argsOfStep = 8

func stepsText(n int) string {
	var values strings.Builder
	for i := range n {
		at := 4 + argsOfStep*i
		fmt.Fprintf(&values, `, (CAST($%d AS BIGINT), CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS BIGINT), CAST($%d AS TEXT), CAST($%d AS BIGINT))`,
			at, at+1, at+2, at+3, at+4, at+5, at+6, at+7)
	}
	return `INSERT INTO submission_event (account_id, submission_id, recipient, seq, kind, at, who, code, enhanced, reply)
		SELECT account_id, id, CAST($3 AS BIGINT), column1, column2, column3, column4, column5, column6, column7
		FROM (SELECT account_id, id, (SELECT COUNT(*) FROM submission_event e
			WHERE e.account_id = $1 AND e.submission_id = $2 AND e.recipient = $3) AS events FROM submission WHERE account_id = $1 AND id = $2) AS s
			CROSS JOIN (VALUES ` + values.String()[2:] + `) AS v
		WHERE events < column8`
}

// Record keeps steps, in their order, and leaves the news that the submission changed (TakeNews). It waits for no answer of the
// database.
func (s *Store) Record(t *tx.Tx, steps ...Step) error {
	if err := s.Begun(t, steps...); err != nil {
		return err
	}
	for i, step := range steps {
		if i+1 < len(steps) && steps[i+1].Submission == step.Submission {
			continue
		}
		if err := s.changed(t, step.Account, step.Submission); err != nil {
			return err
		}
	}
	return nil
}

// Begun is Record for steps in the very commit that makes the submission, which is news enough.
func (s *Store) Begun(t *tx.Tx, steps ...Step) error {
	for i := 0; i < len(steps); {
		n := 1
		if i+1 < len(steps) && steps[i+1].recipient() == steps[i].recipient() {
			n = 2
		}
		if err := insert(t, steps[i:i+n]); err != nil {
			return err
		}
		i += n
	}
	return nil
}

func (s *Step) recipient() Step {
	return Step{Account: s.Account, Submission: s.Submission, Recipient: s.Recipient}
}

// insert gives each step a number that no other has: several commits may tell of one recipient at a time.
func insert(t *tx.Tx, steps []Step) error {
	args := append(make([]any, 0, 3+2*argsOfStep), steps[0].Account, steps[0].Submission, steps[0].Recipient)
	for _, step := range steps {
		e := step.Event
		if e.At.IsZero() {
			e.At = t.Now()
		}
		most := MaxEvents
		if e.Kind.Final() {
			most *= 2
		}
		seq, err := t.NewID()
		if err != nil {
			return err
		}
		enhanced := (e.Reply.Enhanced[0]*1000+e.Reply.Enhanced[1])*1000 + e.Reply.Enhanced[2]
		args = append(args, seq, string(e.Kind), e.At, cut(e.By), e.Reply.Code, enhanced, cut(e.Reply.Text), most)
	}
	t.SQL().Queue(insertSteps[len(steps)], args...)
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
	return s.EventsOf(t, &sub)
}

// EventsOf is Events of a submission that was read.
func (s *Store) EventsOf(t *tx.Tx, sub *Submission) ([][]mail.Event, error) {
	out := make([][]mail.Event, len(sub.Recipients))
	for i := range out {
		out[i] = []mail.Event{{Kind: mail.EventQueued, At: sub.Created}}
	}
	rows, err := t.SQL().Query(`SELECT recipient, kind, at, who, code, enhanced, reply FROM submission_event
		WHERE account_id = $1 AND submission_id = $2 ORDER BY recipient, at, seq`, sub.Account, sub.ID)
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
