package notifying

import (
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// rules is a NotificationRules. What a client takes away is as the server has it for all.
type rules struct {
	ID           string              `json:"id"`
	NotifyAbout  notifications.About `json:"notifyAbout"`
	ShowsContent *bool               `json:"showsContent"`
	QuietHours   *quietHours         `json:"quietHours"`
	Urgent       *bool               `json:"urgentPiercesQuietHours"`
}

type quietHours struct {
	From string `json:"from"` // "22:00"
	To   string `json:"to"`
	Zone string `json:"timeZone"`
}

func rulesOf(v notifications.Rules) rules {
	r := rules{ID: method.OnlyID, NotifyAbout: v.About, ShowsContent: &v.Content, Urgent: &v.Urgent}
	if q := v.Quiet; q != nil {
		r.QuietHours = &quietHours{clock(q.From), clock(q.To), q.Zone}
	}
	return r
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// parseClock reads a time of the day; -1 is none.
func parseClock(text string) int {
	var hour, minute int
	if _, err := fmt.Sscanf(text, "%d:%d", &hour, &minute); err != nil || hour < 0 || hour > 23 || minute < 0 || clock(hour*60+minute) != text {
		return -1
	}
	return hour*60 + minute
}

// into is what the rules mean.
func (r *rules) into() (v notifications.Rules, failed *method.Error) {
	v = notifications.Default
	if r.ID != method.OnlyID {
		return v, method.Bad("the id cannot be changed", "id")
	}
	if r.NotifyAbout != "" {
		v.About = r.NotifyAbout
	}
	if r.ShowsContent != nil {
		v.Content = *r.ShowsContent
	}
	if r.Urgent != nil {
		v.Urgent = *r.Urgent
	}
	if q := r.QuietHours; q != nil {
		v.Quiet = &notifications.Quiet{From: parseClock(q.From), To: parseClock(q.To), Zone: q.Zone}
	}
	if err := v.Check(); err != nil {
		name := "notifyAbout"
		if v.Quiet != nil {
			name = "quietHours"
		}
		return v, method.Bad(mail.Explain(err), name)
	}
	return v, nil
}

// rules are NotificationRules/get and /set.
func (n *Notifying) rules() method.Only {
	return method.Only{
		Type:       states.Notifications,
		Properties: []string{"id", "notifyAbout", "showsContent", "quietHours", "urgentPiercesQuietHours"},
		Read: func(t *tx.Tx, account mail.AccountID) (any, error) {
			v, err := n.o.Rules.Rules(t, account)
			return rulesOf(v), err
		},
		Change: func(t *tx.Tx, account mail.AccountID, patched ijson.Value) (*method.Error, error) {
			var wanted rules
			if err := ijson.Strict(patched, &wanted); err != nil {
				return method.Bad(strings.TrimPrefix(err.Error(), "json: ")), nil
			}
			v, failed := wanted.into()
			if failed != nil {
				return failed, nil
			}
			return nil, n.o.Rules.SetRules(t, account, v)
		},
	}
}
