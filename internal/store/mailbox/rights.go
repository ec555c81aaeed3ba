package mailbox

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Anyone is the grantee that stands for every account.
const Anyone mail.AccountID = 0

// Grant is what a mailbox gives to an account or, when it is negative, takes from it.
type Grant struct {
	Grantee  mail.AccountID
	Negative bool
	Rights   mail.Rights
}

// effective is what an account may do by grants to itself and to anyone: those that are given and not taken away (RFC 4314
// 2: how they combine is ours to choose).
func effective(grants []Grant) mail.Rights {
	var given, taken mail.Rights
	for _, g := range grants {
		if g.Negative {
			taken |= g.Rights
		} else {
			given |= g.Rights
		}
	}
	return given &^ taken
}

// RightsOf returns what an account may do with a mailbox: the owner everything, others what they were given. Nothing is
// what a mailbox gives that is not there.
func (s *Store) RightsOf(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, who mail.AccountID) (mail.Rights, error) {
	if who == owner {
		return mail.AllRights, nil
	}
	// An account that is being removed gives nothing, though its rows may still be there.
	rows, err := t.SQL().Query(`SELECT r.grantee_id, r.negative, r.rights FROM mailbox_right r
		JOIN account a ON a.id = r.account_id AND a.state = 'here'
		WHERE r.account_id = $1 AND r.mailbox_id = $2 AND r.grantee_id IN ($3, $4)`, owner, id, who, Anyone)
	if err != nil {
		return 0, err
	}
	grants, err := collect(rows, scanGrant)
	return effective(grants), err
}

func scanGrant(r *db.Rows) (g Grant, err error) {
	return g, r.Scan(&g.Grantee, &g.Negative, &g.Rights)
}

// Grants lists what a mailbox gives to others and takes from them, positive ones first.
func (s *Store) Grants(t *tx.Tx, owner mail.AccountID, id mail.MailboxID) ([]Grant, error) {
	rows, err := t.SQL().Query(`SELECT grantee_id, negative, rights FROM mailbox_right
		WHERE account_id = $1 AND mailbox_id = $2 ORDER BY negative, grantee_id`, owner, id)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanGrant)
}

// AllGrants lists what the mailboxes of an account give and take, by mailbox.
func (s *Store) AllGrants(t *tx.Tx, owner mail.AccountID) (map[mail.MailboxID][]Grant, error) {
	rows, err := t.SQL().Query(`SELECT mailbox_id, grantee_id, negative, rights FROM mailbox_right WHERE account_id = $1
		ORDER BY mailbox_id, grantee_id, negative`, owner)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(map[mail.MailboxID][]Grant)
	for rows.Next() {
		var id mail.MailboxID
		var g Grant
		if err := rows.Scan(&id, &g.Grantee, &g.Negative, &g.Rights); err != nil {
			return nil, err
		}
		all[id] = append(all[id], g)
	}
	return all, rows.Err()
}

// RightsOp is what is done with the rights of a grant.
type RightsOp int

const (
	SetRights    RightsOp = iota // these and no others
	AddRights                    // these too
	RemoveRights                 // none of these
)

// grant is Acting.Grant for who may give rights.
func (s *Store) grant(t *tx.Tx, by, owner mail.AccountID, id mail.MailboxID, op RightsOp, g Grant) error {
	const name = "mailbox.Grant"
	m, err := s.ByID(t, owner, id)
	if err != nil {
		return err
	}
	if g.Grantee == owner {
		return mail.E(name, mail.Invalid, errors.New("the owner of a mailbox has all rights, always"))
	}
	grants, err := s.Grants(t, owner, id)
	if err != nil {
		return err
	}
	var before mail.Rights
	for _, old := range grants {
		if old.Grantee == g.Grantee && old.Negative == g.Negative {
			before = old.Rights
		}
	}
	after := g.Rights
	switch op {
	case AddRights:
		after |= before
	case RemoveRights:
		after = before &^ g.Rights
	}
	switch {
	case after == before:
		return nil
	case after == 0:
		t.SQL().Queue(`DELETE FROM mailbox_right WHERE account_id = $1 AND mailbox_id = $2 AND grantee_id = $3 AND negative = $4`,
			owner, id, g.Grantee, g.Negative)
	case before == 0 && len(grants) >= MaxGrants:
		return mail.E(name, mail.Limit, fmt.Errorf("a mailbox gives rights to at most %d others", MaxGrants))
	default:
		t.SQL().Queue(`INSERT INTO mailbox_right (account_id, mailbox_id, grantee_id, negative, rights) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account_id, mailbox_id, grantee_id, negative) DO UPDATE SET rights = excluded.rights`,
			owner, id, g.Grantee, g.Negative, after)
	}
	s.grantsChanged(t, owner, id, g.Grantee)
	then := slices.DeleteFunc(slices.Clone(grants), func(old Grant) bool { return old.Grantee == g.Grantee && old.Negative == g.Negative })
	g.Rights = after
	return s.noteShare(t, by, owner, m, g.Grantee, grants, append(then, g))
}

// grantsChanged logs a change of rights with the mailbox, and with the account that has others now.
func (s *Store) grantsChanged(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, grantee mail.AccountID) {
	t.SQL().Queue(`UPDATE mailbox SET modseq = $3, meta_modseq = $3 WHERE account_id = $1 AND id = $2`,
		owner, id, changedMailbox(t, owner, id, tx.Updated))
	t.Changed(tx.Change{Account: owner, Kind: tx.KindRights, Op: tx.Updated, Object: int64(id)})
	if grantee != Anyone {
		t.Changed(tx.Change{Account: grantee, Kind: tx.KindSettings, Op: tx.Updated})
	}
}

// inheritGrants gives a new mailbox what the one above it gives (RFC 4314 4, CREATE).
func inheritGrants(t *tx.Tx, account mail.AccountID, m *Mailbox) {
	if m.Parent != 0 {
		t.SQL().Queue(`INSERT INTO mailbox_right (account_id, mailbox_id, grantee_id, negative, rights)
			SELECT account_id, $3, grantee_id, negative, rights FROM mailbox_right WHERE account_id = $1 AND mailbox_id = $2`,
			account, m.Parent, m.ID)
	}
}

func dropGrants(t *tx.Tx, account mail.AccountID, id mail.MailboxID) {
	t.SQL().Queue(`DELETE FROM mailbox_right WHERE account_id = $1 AND mailbox_id = $2`, account, id)
}

// CloseToAnyone takes away what mailboxes of an account give to anyone; what they take from anyone stays taken.
func (s *Store) CloseToAnyone(t *tx.Tx, owner mail.AccountID) error {
	_, err := t.SQL().Exec(`DELETE FROM mailbox_right WHERE account_id = $1 AND grantee_id = $2 AND negative = $3`, owner, Anyone, false)
	t.Changed(tx.Change{Account: owner, Kind: tx.KindRights, Op: tx.Updated})
	t.Changed(tx.Change{Account: owner, Kind: tx.KindSettings, Op: tx.Updated}) // sessions that have one open hear of it
	return err
}

// Shared is a mailbox of another account in which an account may do something.
type Shared struct {
	Mailbox // with the path that it has for its owner
	Rights  mail.Rights
}

// Sharers lists the accounts that give something to an account, in order, at most MaxSharers of them.
func (s *Store) Sharers(t *tx.Tx, who mail.AccountID) ([]mail.AccountID, error) {
	rows, err := t.SQL().Query(`SELECT DISTINCT account_id FROM mailbox_right WHERE grantee_id IN ($1, $2) AND account_id <> $1
		ORDER BY account_id LIMIT $3`, who, Anyone, MaxSharers)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *db.Rows) (id mail.AccountID, err error) { return id, r.Scan(&id) })
}

// SharedBy lists the mailboxes of an account in which another may do something, by path.
func (s *Store) SharedBy(t *tx.Tx, owner, who mail.AccountID) ([]Shared, error) {
	rights, err := s.rightsIn(t, owner, who)
	if err != nil || len(rights) == 0 {
		return nil, err
	}
	// What lies above them is read for their paths.
	rows, err := t.SQL().Query(`WITH RECURSIVE up (id) AS (
			SELECT mailbox_id FROM mailbox_right WHERE account_id = $1 AND grantee_id IN ($2, $3)
			UNION
			SELECT m.parent_id FROM mailbox m JOIN up ON m.id = up.id WHERE m.account_id = $1 AND m.parent_id > 0)
		SELECT `+mailboxColumns+` FROM mailbox WHERE account_id = $1 AND parent_id >= 0 AND id IN (SELECT id FROM up)`, owner, who, Anyone)
	if err != nil {
		return nil, err
	}
	list, err := collect(rows, func(r *db.Rows) (m Mailbox, err error) { return m, r.Scan(m.fields()...) })
	if err != nil {
		return nil, err
	}
	fillPaths(list)
	sortByPath(list)
	var out []Shared
	for _, m := range list {
		if r := rights[m.ID]; r != 0 {
			out = append(out, Shared{m, r})
		}
	}
	return out, nil
}

// rightsIn returns what an account may do with each of the mailboxes of another.
func (s *Store) rightsIn(t *tx.Tx, owner, who mail.AccountID) (map[mail.MailboxID]mail.Rights, error) {
	rows, err := t.SQL().Query(`SELECT r.mailbox_id, r.grantee_id, r.negative, r.rights FROM mailbox_right r
		JOIN account a ON a.id = r.account_id AND a.state = 'here'
		WHERE r.account_id = $1 AND r.grantee_id IN ($2, $3)`, owner, who, Anyone)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	grants := make(map[mail.MailboxID][]Grant)
	for rows.Next() {
		var id mail.MailboxID
		var g Grant
		if err := rows.Scan(&id, &g.Grantee, &g.Negative, &g.Rights); err != nil {
			return nil, err
		}
		grants[id] = append(grants[id], g)
	}
	rights := make(map[mail.MailboxID]mail.Rights, len(grants))
	for id, g := range grants {
		rights[id] = effective(g)
	}
	return rights, rows.Err()
}

// PurgeGrants takes away what others have given to an account that is being removed, some rows at a time, and reports
// whether there are more. Its own go with Purge.
func (s *Store) PurgeGrants(t *tx.Tx, grantee mail.AccountID) (more bool, err error) {
	n, err := t.SQL().Exec(`DELETE FROM mailbox_right WHERE grantee_id = $1 AND (account_id, mailbox_id, negative) IN
		(SELECT account_id, mailbox_id, negative FROM mailbox_right WHERE grantee_id = $1 LIMIT $2)`, grantee, s.rowsPerStep)
	return n == int64(s.rowsPerStep), err
}

// Grantees calls each with the accounts to which mailboxes of an account give something, each once.
func (s *Store) Grantees(t *tx.Tx, owner mail.AccountID) ([]mail.AccountID, error) {
	rows, err := t.SQL().Query(`SELECT DISTINCT grantee_id FROM mailbox_right WHERE account_id = $1 AND grantee_id <> $2 ORDER BY grantee_id`,
		owner, Anyone)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *db.Rows) (id mail.AccountID, err error) { return id, r.Scan(&id) })
}
