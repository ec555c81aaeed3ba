// Package notifications keeps what an account wants to be notified of: one Rules for each account that has chosen something, and
// Default for all others. Who decides by them is realtime/notify.
package notifications

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// About says which mail an account is notified of. The values are stored.
type About string

const (
	All      About = "all"
	Contacts About = "contacts" // from people the account knows, and in threads it has written in
	Mentions About = "mentions" // written to an address of the account itself
	None     About = "none"
)

// Rules are what an account wants.
type Rules struct {
	About   About
	Content bool   // sender, subject and preview are told, not only that there is something
	Quiet   *Quiet // nil: never
	Urgent  bool   // urgent mail is told of in quiet hours too
}

// Quiet are hours of each day.
type Quiet struct {
	From, To int    // minutes after midnight; From after To: over midnight
	Zone     string // of the IANA database
}

// Default holds for an account that has chosen nothing.
var Default = Rules{About: All, Content: true}

const (
	day     = 24 * 60
	maxZone = 64
)

// Check reports what is wrong with rules.
func (r Rules) Check() error {
	const op = "notifications.Check"
	switch r.About {
	case All, Contacts, Mentions, None:
	default:
		return mail.E(op, mail.Invalid, fmt.Errorf("an account is notified of all, contacts, mentions or none, not of %.20q", r.About))
	}
	if q := r.Quiet; q != nil {
		if q.From < 0 || q.From >= day || q.To < 0 || q.To >= day {
			return mail.E(op, mail.Invalid, errors.New("quiet hours begin and end at times of the day such as 22:00 and 07:00"))
		}
		if q.From == q.To {
			return mail.E(op, mail.Invalid, errors.New("quiet hours begin and end at different times of the day"))
		}
		if _, err := time.LoadLocation(q.Zone); err != nil || q.Zone == "" || q.Zone == "Local" || len(q.Zone) > maxZone {
			return mail.E(op, mail.Invalid, fmt.Errorf("%.64q is no time zone such as Europe/Berlin", q.Zone))
		}
	}
	return nil
}

// Holds reports whether it is quiet at a time.
func (q *Quiet) Holds(at time.Time) bool {
	if q == nil {
		return false
	}
	zone, err := time.LoadLocation(q.Zone)
	if err != nil {
		return false // another node has a newer database of zones: better told than lost
	}
	local := at.In(zone)
	now := local.Hour()*60 + local.Minute()
	if q.From < q.To {
		return q.From <= now && now < q.To
	}
	return now >= q.From || now < q.To
}

// Store is the room.
type Store struct{}

// New returns the room.
func New() *Store { return &Store{} }

// Rules returns what an account wants.
func (s *Store) Rules(t *tx.Tx, account mail.AccountID) (Rules, error) {
	var r Rules
	var q Quiet
	err := t.SQL().QueryRow(`SELECT about, content, urgent, quiet_from, quiet_to, zone FROM notification_rules WHERE account_id = $1`, account).
		Scan(&r.About, &r.Content, &r.Urgent, &q.From, &q.To, &q.Zone)
	if errors.Is(err, db.ErrNoRows) {
		return Default, nil
	}
	if q.Zone != "" {
		r.Quiet = &q
	}
	return r, err
}

// SetRules changes them. The account is locked.
func (s *Store) SetRules(t *tx.Tx, account mail.AccountID, r Rules) error {
	if err := r.Check(); err != nil {
		return err
	}
	q := r.Quiet
	if q == nil {
		q = &Quiet{}
	}
	t.Changed(tx.Change{Account: account, Kind: tx.KindNotify, Op: tx.Updated, Object: int64(account)})
	t.SQL().Queue(`INSERT INTO notification_rules (account_id, about, content, urgent, quiet_from, quiet_to, zone) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account_id) DO UPDATE SET about = excluded.about, content = excluded.content, urgent = excluded.urgent,
			quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, zone = excluded.zone`,
		account, string(r.About), r.Content, r.Urgent, q.From, q.To, q.Zone)
	return nil
}

// Purge removes the rules of an account that is being removed.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	_, err = t.SQL().Exec(`DELETE FROM notification_rules WHERE account_id = $1`, account)
	return false, err
}
