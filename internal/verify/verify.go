// Package verify checks everything that is kept: that each row's body exists, opens and hashes right, that counters, UIDs and
// holds agree with the rows they count, that the index of objects could be rebuilt from the packs, and that what is kept of
// certificates can be opened.
//
// It changes nothing and may run beside service. What it finds are values; a severity says whether mail is lost.
package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/certs"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Severity string `json:"severity"` // lost: mail cannot be read; wrong: rows disagree; info: what a crash leaves and what goes by itself
	Room     string `json:"room"`
	Account  string `json:"account,omitempty"`
	Text     string `json:"text"`
}

// Report is what a run says.
type Report struct {
	OK       bool           `json:"ok"` // nothing but info was found
	Accounts int            `json:"accounts"`
	Bodies   bodies.Checked `json:"bodies"`
	Findings []Finding      `json:"findings"`
	More     int            `json:"more,omitempty"`    // findings beyond MaxFindings
	Rebuild  bool           `json:"rebuild,omitempty"` // bodies.Rebuild may mend some of them
}

// MaxFindings is how many findings a report spells out.
const MaxFindings = 1000

// Rooms are what is checked.
type Rooms struct {
	Tx        *tx.Store
	Directory *directory.Store
	Bodies    *bodies.Store
	Mailbox   *mailbox.Store
	Index     *search.Index
	Spool     *spool.Store
	Certs     *certs.Store
}

// Run checks everything. An error means that the check could not be brought to its end.
func Run(ctx context.Context, r Rooms) (Report, error) {
	v := run{Rooms: r, report: Report{OK: true, Findings: []Finding{}}}
	for _, check := range []func(context.Context) error{v.bodies, v.accounts, v.spool, v.certs} {
		if err := check(ctx); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

type run struct {
	Rooms
	report Report
}

func (v *run) add(f Finding) {
	v.report.OK = v.report.OK && f.Severity == string(bodies.Info)
	if len(v.report.Findings) == MaxFindings {
		v.report.More++
		return
	}
	v.report.Findings = append(v.report.Findings, f)
}

func (v *run) addBody(f bodies.Finding) {
	out := Finding{Severity: string(f.Severity), Room: "bodies", Text: f.Text}
	if f.Account != 0 {
		out.Account = f.Account.String()
	}
	switch {
	case f.Blob != "":
		out.Text = f.Blob + ": " + out.Text
	case f.Object != 0:
		out.Text = fmt.Sprintf("object %d: %s", f.Object, out.Text)
	}
	v.report.Rebuild = v.report.Rebuild || f.Rebuild
	v.add(out)
}

func (v *run) bodies(ctx context.Context) (err error) {
	if v.report.Bodies, err = v.Bodies.Check(ctx, v.addBody); err != nil {
		return err
	}
	return v.Bodies.CheckIndex(ctx, v.addBody)
}

// accountPage is how many accounts are asked for at a time.
const accountPage = 100

func (v *run) accounts(ctx context.Context) error {
	if err := v.account(ctx, mail.SpoolAccount); err != nil {
		return err
	}
	var after mail.Address
	for {
		var page []directory.Account
		err := v.Tx.Read(ctx, func(t *tx.Tx) (err error) {
			page, err = v.Directory.Accounts(t, "", after, accountPage)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, a := range page {
			v.report.Accounts++
			if err := v.account(ctx, a.ID); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Address
	}
}

func (v *run) account(ctx context.Context, id mail.AccountID) error {
	err := v.Mailbox.Check(ctx, id, func(f mailbox.Finding) {
		v.add(Finding{Severity: string(bodies.Wrong), Room: "mailbox", Account: id.String(), Text: f.String()})
	})
	if err == nil {
		err = v.grants(ctx, id)
	}
	if err == nil {
		err = v.index(ctx, id)
	}
	if err != nil {
		return err
	}
	return v.Bodies.CheckHolds(ctx, id, v.Holds(), v.addBody)
}

// grants looks whether the accounts are there to which mailboxes of an account give something. Those of an account that is
// being removed go by themselves.
func (v *run) grants(ctx context.Context, id mail.AccountID) error {
	return v.Tx.Read(ctx, func(t *tx.Tx) error {
		grantees, err := v.Mailbox.Grantees(t, id)
		if err != nil || len(grantees) == 0 {
			return err
		}
		closed, err := v.Directory.ClosedHomes(t, 0)
		if err != nil {
			return err
		}
		for _, g := range grantees {
			_, err := v.Directory.Account(t, g)
			switch {
			case mail.Is(err, mail.NotFound) && !slices.Contains(closed, g):
				v.add(Finding{Severity: string(bodies.Wrong), Room: "mailbox", Account: id.String(),
					Text: fmt.Sprintf("mailboxes give rights to account %v, which is not there", g)})
			case err != nil && !mail.Is(err, mail.NotFound):
				return err
			}
		}
		return nil
	})
}

// Holds are those of all rooms that hold bodies.
func (r Rooms) Holds() []bodies.Holds { return []bodies.Holds{r.emails, r.spooled} }

// index opens all that the text index holds of an account.
func (v *run) index(ctx context.Context, id mail.AccountID) error {
	_, err := v.Index.Check(ctx, id)
	if err == nil || ctx.Err() != nil || mail.Is(err, mail.Unavailable) {
		return err
	}
	v.add(Finding{Severity: string(bodies.Wrong), Room: "search", Account: id.String(),
		Text: err.Error() + "; searches read the mail instead: run `mailmesh search rebuild`"})
	return nil
}

// emails are the holds of the mailbox room.
func (r Rooms) emails(t *tx.Tx, account mail.AccountID, each func(mail.BlobID)) error {
	return r.Mailbox.Holds(t, account, repeat(each))
}

// spooled are the holds of the spool, which has an account of its own.
func (r Rooms) spooled(t *tx.Tx, account mail.AccountID, each func(mail.BlobID)) error {
	if account != mail.SpoolAccount {
		return nil
	}
	return r.Spool.Holds(t, repeat(each))
}

func repeat(each func(mail.BlobID)) func(mail.BlobID, int64) error {
	return func(id mail.BlobID, times int64) error {
		for range times {
			each(id)
		}
		return nil
	}
}

func (v *run) spool(ctx context.Context) error {
	return v.Tx.Read(ctx, func(t *tx.Tx) error {
		return v.Spool.Check(t, func(f spool.Finding) {
			v.add(Finding{Severity: string(bodies.Wrong), Room: "spool", Text: fmt.Sprintf("message %d: %s", f.Message, f.What)})
		})
	})
}

func (v *run) certs(ctx context.Context) error {
	return v.Certs.Check(ctx, func(name string, why error) {
		v.add(Finding{Severity: string(bodies.Wrong), Room: "certs", Text: fmt.Sprintf("%s cannot be opened: %v", name, why)})
	})
}
