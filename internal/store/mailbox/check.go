package mailbox

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Finding is one disagreement between the rows of an account. Numbers that do not apply are 0.
type Finding struct {
	Account mail.AccountID
	Mailbox mail.MailboxID
	UID     mail.UID
	Email   mail.EmailID
	What    string // the rule that is broken
	Have    int64  // what the row says
	Want    int64  // what it should say, where that is a number
}

func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "account %v", f.Account)
	if f.Mailbox != 0 {
		fmt.Fprintf(&b, ", mailbox %v", f.Mailbox)
	}
	if f.UID != 0 {
		fmt.Fprintf(&b, ", uid %d", f.UID)
	}
	if f.Email != 0 {
		fmt.Fprintf(&b, ", email %v", f.Email)
	}
	fmt.Fprintf(&b, ": %s (%d, should be %d)", f.What, f.Have, f.Want)
	return b.String()
}

// Check reports every disagreement between the rows of an account, as they were at one moment. It reads all rows once or
// twice and keeps none.
func (s *Store) Check(ctx context.Context, account mail.AccountID, report func(Finding)) error {
	return s.tx.Read(ctx, func(t *tx.Tx) error { return check(t, account, report) })
}

func check(t *tx.Tx, account mail.AccountID, report func(Finding)) error {
	for _, rule := range rules {
		if err := rule.check(t, account, report); err != nil {
			return fmt.Errorf("check that %s: %w", rule.holds, err)
		}
	}
	return nil
}

// Holds calls each with every body that emails of an account are on, in order of id, and how many emails are.
func (s *Store) Holds(t *tx.Tx, account mail.AccountID, each func(blob mail.BlobID, emails int64) error) error {
	rows, err := t.SQL().Query(`SELECT blob_id, COUNT(*) FROM email WHERE account_id = $1 GROUP BY blob_id ORDER BY blob_id`, account)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var blob mail.BlobID
		var n int64
		if err := rows.Scan(&blob, &n); err != nil {
			return err
		}
		if err := each(blob, n); err != nil {
			return err
		}
	}
	return rows.Err()
}

// rule is something that holds, and a query that finds where it does not: mailbox, uid, email, what is there, what should
// be. $1 is the account.
type rule struct{ holds, query string }

func (r rule) check(t *tx.Tx, account mail.AccountID, report func(Finding)) error {
	rows, err := t.SQL().Query(r.query, account)
	if err != nil {
		return err
	}
	found, err := collect(rows, func(row *db.Rows) (f Finding, err error) {
		f = Finding{Account: account, What: r.holds}
		return f, row.Scan(&f.Mailbox, &f.UID, &f.Email, &f.Have, &f.Want)
	})
	for _, f := range found {
		report(f)
	}
	return err
}

// counted is what the memberships of each mailbox add up to.
const counted = `(SELECT mailbox_id, COUNT(*) AS messages, CAST(SUM(size) AS BIGINT) AS bytes,
		CAST(SUM(CASE WHEN (flags & 1) = 0 THEN 1 ELSE 0 END) AS BIGINT) AS unseen,
		CAST(SUM(CASE WHEN (flags & 25) = 0 THEN 1 ELSE 0 END) AS BIGINT) AS unread,
		CAST(SUM(CASE WHEN (flags & 16) <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS deleted,
		MAX(uid) AS uid, MAX(modseq) AS modseq
	FROM membership WHERE account_id = $1 GROUP BY mailbox_id)`

// counter is the rule that a column of a mailbox is the sum over its memberships.
func counter(column string) rule {
	return rule{"the " + column + " of a mailbox are counted right",
		`SELECT b.id, 0, 0, b.` + column + `, COALESCE(c.` + column + `, 0) FROM mailbox b LEFT JOIN ` + counted + ` c ON c.mailbox_id = b.id
		WHERE b.account_id = $1 AND b.` + column + ` <> COALESCE(c.` + column + `, 0)`}
}

// used is the rule that a counter of the account is the sum over its emails.
func used(column, sum string) rule {
	return rule{"the account's " + column + " are counted right",
		`SELECT 0, 0, 0, a.` + column + `, (SELECT CAST(COALESCE(` + sum + `, 0) AS BIGINT) FROM email WHERE account_id = $1) FROM account a
		WHERE a.id = $1 AND a.` + column + ` <> (SELECT COALESCE(` + sum + `, 0) FROM email WHERE account_id = $1)`}
}

// numbered is the rule that a modseq of a table is not above the account's.
func numbered(table, column, mailbox, uid, email string) rule {
	return rule{"the account has given the " + column + " of every row of " + table,
		`SELECT ` + mailbox + `, ` + uid + `, ` + email + `, r.` + column + `, a.modseq FROM ` + table + ` r JOIN account a ON a.id = r.account_id
		WHERE r.account_id = $1 AND r.` + column + ` > a.modseq`}
}

var rules = []rule{
	counter("messages"), counter("unseen"), counter("unread"), counter("deleted"), counter("bytes"),
	used("used_messages", "COUNT(*)"), used("used_bytes", "SUM(size)"),
	{"UIDNEXT is above every UID",
		`SELECT b.id, 0, 0, b.uidnext, c.uid + 1 FROM mailbox b JOIN ` + counted + ` c ON c.mailbox_id = b.id
		WHERE b.account_id = $1 AND b.uidnext <= c.uid`},
	{"the modseq of a mailbox is not below that of a message",
		`SELECT b.id, 0, 0, b.modseq, c.modseq FROM mailbox b JOIN ` + counted + ` c ON c.mailbox_id = b.id
		WHERE b.account_id = $1 AND b.modseq < c.modseq`},
	{"UIDVALIDITY is unique in the account and was given by it",
		`SELECT b.id, 0, 0, b.uidvalidity, a.last_uidvalidity FROM mailbox b JOIN account a ON a.id = b.account_id
		WHERE b.account_id = $1 AND (b.uidvalidity > a.last_uidvalidity
			OR EXISTS (SELECT 1 FROM mailbox o WHERE o.account_id = $1 AND o.uidvalidity = b.uidvalidity AND o.id <> b.id))`},
	{"the mailbox above a mailbox exists",
		`SELECT b.id, 0, 0, b.parent_id, 0 FROM mailbox b WHERE b.account_id = $1 AND b.parent_id > 0
		AND NOT EXISTS (SELECT 1 FROM mailbox p WHERE p.account_id = $1 AND p.id = b.parent_id AND p.parent_id >= 0)`},
	{"rights belong to a mailbox",
		`SELECT r.mailbox_id, 0, 0, r.grantee_id, 0 FROM mailbox_right r WHERE r.account_id = $1
		AND (r.rights = 0 OR r.grantee_id = $1 OR NOT EXISTS (SELECT 1 FROM mailbox b WHERE b.account_id = $1 AND b.id = r.mailbox_id AND b.parent_id >= 0))`},
	{"a role belongs to one mailbox",
		`SELECT MAX(id), 0, 0, COUNT(*), 1 FROM mailbox WHERE account_id = $1 AND role <> '' GROUP BY role HAVING COUNT(*) > 1`},
	{"a name is noted as subscribed without mailbox only where none bears it",
		`WITH RECURSIVE named (id, path) AS (SELECT id, name FROM mailbox WHERE account_id = $1 AND parent_id = 0
			UNION ALL SELECT m.id, n.path || '` + Separator + `' || m.name FROM mailbox m JOIN named n ON m.parent_id = n.id WHERE m.account_id = $1)
		SELECT n.id, 0, 0, 1, 0 FROM named n JOIN subscription s ON s.account_id = $1 AND s.path = n.path`},
	{"an email is in a mailbox",
		`SELECT 0, 0, e.id, 0, 1 FROM email e WHERE e.account_id = $1
		AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.account_id = $1 AND m.email_id = e.id)`},
	{"the email of a membership exists",
		`SELECT m.mailbox_id, m.uid, m.email_id, 0, 1 FROM membership m WHERE m.account_id = $1
		AND NOT EXISTS (SELECT 1 FROM email e WHERE e.account_id = $1 AND e.id = m.email_id)`},
	{"the mailbox of a membership exists",
		`SELECT m.mailbox_id, m.uid, m.email_id, 0, 1 FROM membership m WHERE m.account_id = $1
		AND NOT EXISTS (SELECT 1 FROM mailbox b WHERE b.account_id = $1 AND b.id = m.mailbox_id)`},
	{"an email is in a mailbox once",
		`SELECT mailbox_id, MAX(uid), email_id, COUNT(*), 1 FROM membership WHERE account_id = $1 GROUP BY mailbox_id, email_id HAVING COUNT(*) > 1`},
	{"a membership repeats size, date and thread of its email",
		`SELECT m.mailbox_id, m.uid, m.email_id, m.size, e.size FROM membership m
		JOIN email e ON e.account_id = m.account_id AND e.id = m.email_id
		WHERE m.account_id = $1 AND (m.size <> e.size OR m.received <> e.received OR m.thread_id <> e.thread_id)`},
	{"the memberships of an email have the same flags but for \\Deleted",
		`SELECT m.mailbox_id, m.uid, m.email_id, m.flags, o.flags FROM membership m
		JOIN membership o ON o.account_id = m.account_id AND o.email_id = m.email_id AND o.mailbox_id <> m.mailbox_id
		WHERE m.account_id = $1 AND ((m.flags & ~16) <> (o.flags & ~16) OR m.keywords <> o.keywords)`},
	numbered("mailbox", "modseq", "r.id", "0", "0"),
	numbered("email", "created_modseq", "0", "0", "r.id"),
	numbered("membership", "modseq", "r.mailbox_id", "r.uid", "r.email_id"),
	numbered("annotation", "modseq", "r.mailbox_id", "0", "0"),
	{"the mailbox of an annotation exists",
		`SELECT a.mailbox_id, 0, 0, COUNT(*), 0 FROM annotation a WHERE a.account_id = $1 AND a.mailbox_id <> 0
		AND NOT EXISTS (SELECT 1 FROM mailbox b WHERE b.account_id = $1 AND b.id = a.mailbox_id) GROUP BY a.mailbox_id`},
	numbered("change", "modseq", "r.mailbox_id", "r.uid", "r.object_id"),
	{"the change log ends at its floor",
		`SELECT 0, 0, 0, MIN(c.modseq), MIN(a.log_floor) FROM change c JOIN account a ON a.id = c.account_id
		WHERE c.account_id = $1 AND c.modseq <= a.log_floor HAVING COUNT(*) > 0`},
	{"the change log has every membership's last change",
		`SELECT m.mailbox_id, m.uid, m.email_id, m.modseq, 0 FROM membership m JOIN account a ON a.id = m.account_id
		WHERE m.account_id = $1 AND m.modseq > a.log_floor AND NOT EXISTS (SELECT 1 FROM change c
			WHERE c.account_id = $1 AND c.modseq = m.modseq AND c.kind = 3 AND c.mailbox_id = m.mailbox_id AND c.uid = m.uid)`},
	{"the change log has every mailbox's last change",
		`SELECT b.id, 0, 0, b.meta_modseq, 0 FROM mailbox b JOIN account a ON a.id = b.account_id
		WHERE b.account_id = $1 AND b.meta_modseq > a.log_floor AND NOT EXISTS (SELECT 1 FROM change c
			WHERE c.account_id = $1 AND c.modseq = b.meta_modseq AND c.kind = 1 AND c.object_id = b.id)`},
	{"a deleted mailbox that still has a row is noted as unfinished work",
		`SELECT b.id, 0, 0, b.messages, 0 FROM mailbox b WHERE b.account_id = $1 AND b.parent_id < 0
		AND NOT EXISTS (SELECT 1 FROM unfinished u WHERE u.account_id = $1 AND u.id = b.id AND u.kind = 1)`},
}
