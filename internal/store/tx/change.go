package tx

import (
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Kind is the type of object a change is about. The values are stored; a reader that meets one it does not know
// treats the account as wholly changed.
type Kind int

const (
	KindMailbox    Kind = 1  // object: mailbox
	KindEmail      Kind = 2  // object: email; created or destroyed with its first or last membership
	KindMembership Kind = 3  // object: email, with mailbox and UID
	KindThread     Kind = 4  // object: thread
	KindSettings   Kind = 5  // subscriptions and other things of the account as a whole
	KindAnnotation Kind = 6  // object: the mailbox whose annotation it is, 0 for one of the server
	KindIdentity   Kind = 7  // object: identity
	KindSubmission Kind = 8  // object: submission; updated when something became of it
	KindVacation   Kind = 9  // the account's vacation response
	KindContact    Kind = 10 // object: contact
	KindRules      Kind = 11 // what the account wants to be told of, and tell others
	KindRights     Kind = 12 // object: mailbox whose rights for others changed, 0 for all of them
	KindShown      Kind = 13 // object: email from a place of which \Deleted was taken (created), or where it was set (destroyed)
	KindQuota      Kind = 14 // object: the limit that was set, one of directory's
	KindTrash      Kind = 16 // object: mailbox that became the trash (created), or is it no more (destroyed)

	KindShareNotice Kind = 15 // object: notice of a share
	KindNotify      Kind = 17 // what the account wants to be notified of
	KindSignIn      Kind = 18 // object: session of a browser or program
)

// KindArrival is not in the log: LastOf, StateOf and LastOfEach tell by it of KindEmail where an email was created.
const KindArrival Kind = -1

// LastKind is the highest Kind of this release.
const LastKind = KindSignIn

// Op is what happened to the object.
type Op int

const (
	Created   Op = 1
	Updated   Op = 2
	Destroyed Op = 3
)

// Change is one line of the change log.
type Change struct {
	Account mail.AccountID
	ModSeq  mail.ModSeq // given by Changed
	Kind    Kind
	Op      Op
	Object  int64
	Mailbox mail.MailboxID // with KindMembership and KindShown; with KindThread where the destroyed email was last
	UID     mail.UID       // with KindMembership and KindShown
}

type change struct {
	Change
	seq int
}

// Changed notes a change for the log, under the number that ModSeq named, which it also returns: the row of the object
// keeps that number. The log rows are written, and the account's bell is rung, by the commit.
func (t *Tx) Changed(c Change) mail.ModSeq {
	c.ModSeq = t.ModSeq(c.Account)
	a := t.account(c.Account)
	a.changes = append(a.changes, change{c, a.objects})
	if a.objects++; a.objects == objectsPerNumber {
		a.modseq++
		a.objects = 0
	}
	return c.ModSeq
}

// finish writes the change log and the counters that moved on.
func (t *Tx) finish() error {
	at := t.Now().UnixMilli()
	for i := range t.accounts {
		a := &t.accounts[i]
		for rest := a.changes; len(rest) > 0; {
			rows := 32
			for rows > len(rest) {
				rows /= 2
			}
			t.log(a.id, at, rest[:rows])
			rest = rest[rows:]
		}
		if last := a.lastGiven(); len(a.changes) > 0 && last > a.changes[0].ModSeq {
			t.sql.Queue(`UPDATE account SET modseq = $2 WHERE id = $1`, a.id, last)
		}
	}
	return nil
}

// logTexts write 1 to 32 lines of the log: what a statement costs by itself is most of what a line costs. A delivery
// has two lines.
var logTexts = map[int]*db.Text{1: logText(1), 2: logText(2), 4: logText(4), 8: logText(8), 16: logText(16), 32: logText(32)}

// log writes as many lines as one of logTexts does.
func (t *Tx) log(account mail.AccountID, at int64, changes []change) {
	args := make([]any, 0, 2+7*len(changes))
	args = append(args, account, at)
	for i := range changes {
		c := &changes[i]
		args = append(args, c.ModSeq, c.seq, int64(c.Kind), int64(c.Op), c.Object, c.Mailbox, int64(c.UID))
	}
	t.sql.QueueText(logTexts[len(changes)], args...)
}

func logText(rows int) *db.Text {
	const insert = `INSERT INTO change (account_id, at, modseq, seq, kind, op, object_id, mailbox_id, uid) `
	lines := func(prefix string) string {
		var b strings.Builder
		b.WriteString("VALUES ")
		for i := range rows {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString("(" + prefix + "1," + prefix + "2")
			for n := range 7 {
				fmt.Fprintf(&b, ",%s%d", prefix, 3+7*i+n)
			}
			b.WriteString(")")
		}
		return b.String()
	}
	var arrays, columns []string
	for n := range 2 + 7*rows {
		arrays, columns = append(arrays, fmt.Sprintf("$%d::bigint[]", n+1)), append(columns, fmt.Sprintf("c%d", n+1))
	}
	return &db.Text{
		One: insert + lines("$"),
		Many: insert + "SELECT line.* FROM unnest(" + strings.Join(arrays, ",") + ") AS each (" + strings.Join(columns, ",") +
			") CROSS JOIN LATERAL (" + lines("c") + ") AS line",
	}
}

// lastGiven is the highest number this unit of work used.
func (a *account) lastGiven() mail.ModSeq {
	if len(a.changes) == 0 {
		return a.modseq
	}
	return a.changes[len(a.changes)-1].ModSeq
}

func (t *Tx) rings() []mail.StateChange {
	var out []mail.StateChange
	for i := range t.accounts {
		if a := &t.accounts[i]; len(a.changes) > 0 {
			out = append(out, mail.StateChange{Account: a.id, State: a.lastGiven()})
		}
	}
	return out
}

// State is the last number the account has given, and its epoch.
func (t *Tx) State(id mail.AccountID) (state mail.ModSeq, epoch int64, err error) {
	err = t.sql.QueryRow(`SELECT modseq, epoch FROM account WHERE id = $1`, id).Scan(&state, &epoch)
	return state, epoch, notFound("tx.State", err)
}

// Changes calls each with the log of an account after since, in order, until it returns false. A log that no longer
// reaches back that far is a mail.Gone error: the reader must list anew.
func (t *Tx) Changes(id mail.AccountID, since mail.ModSeq, each func(Change) bool) error {
	return t.ChangesOf(id, since, nil, func(c Change, _ int) bool { return each(c) })
}

// ChangesOf is Changes for some kinds, all without any. each is also told how many changes bear the same number before this one.
func (t *Tx) ChangesOf(id mail.AccountID, since mail.ModSeq, kinds []Kind, each func(c Change, before int) bool) error {
	var floor mail.ModSeq
	if err := t.sql.QueryRow(`SELECT log_floor FROM account WHERE id = $1`, id).Scan(&floor); err != nil {
		return notFound("tx.Changes", err)
	}
	if since < floor {
		return mail.E("tx.Changes", mail.Gone, nil)
	}
	among, args := oneOf(kinds, id, since)
	rows, err := t.sql.Query(`SELECT modseq, seq, kind, op, object_id, mailbox_id, uid FROM change
		WHERE account_id = $1 AND modseq > $2`+among+` ORDER BY modseq, seq`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		c, seq := Change{Account: id}, 0
		if err := rows.Scan(&c.ModSeq, &seq, &c.Kind, &c.Op, &c.Object, &c.Mailbox, &c.UID); err != nil {
			return err
		}
		if !each(c, seq) {
			return nil
		}
	}
	return rows.Err()
}

// isArrival is the condition that a change is of KindArrival.
var isArrival = fmt.Sprintf("kind = %d AND op = %d", KindEmail, Created)

// is reports whether a change is of a kind.
func (c *Change) is(k Kind) bool {
	return c.Kind == k || k == KindArrival && c.Kind == KindEmail && c.Op == Created
}

// oneOf is the condition that a change is one of some kinds, none for all, to stand behind other arguments.
func oneOf(kinds []Kind, args ...any) (condition string, all []any) {
	if len(kinds) == 0 {
		return "", args
	}
	either := make([]string, len(kinds))
	for i, k := range kinds {
		if k == KindArrival {
			either[i] = isArrival
			continue
		}
		args = append(args, k)
		either[i] = fmt.Sprintf("kind = $%d", len(args))
	}
	return " AND (" + strings.Join(either, " OR ") + ")", args
}

func notFound(op string, err error) error {
	if err == db.ErrNoRows {
		return mail.E(op, mail.NotFound, nil)
	}
	return err
}
