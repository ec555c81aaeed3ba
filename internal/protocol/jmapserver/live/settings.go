package live

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// settings is a LiveSettings. What a client takes away is as the server has it for all.
type settings struct {
	ID            string `json:"id"`
	ShowsPresence *bool  `json:"showsPresence"`
	ShowsTyping   *bool  `json:"showsTyping"`
	ShowsReading  *bool  `json:"showsReading"`
	ShowsDisplays string `json:"showsDisplays"` // "never", "contacts", "always"
}

func settingsOf(v contacts.Setting) settings {
	return settings{method.OnlyID, &v.Presence, &v.Typing, &v.Reading, consents[v.Displayed]}
}

// into is what the settings mean, whatever was taken away of them.
func (s *settings) into() (v contacts.Setting, failed *method.Error) {
	v = contacts.DefaultSetting
	for at, to := range map[*bool]*bool{s.ShowsPresence: &v.Presence, s.ShowsTyping: &v.Typing, s.ShowsReading: &v.Reading} {
		if at != nil {
			*to = *at
		}
	}
	if s.ShowsDisplays != "" {
		var ok bool
		if v.Displayed, ok = consent(s.ShowsDisplays, contacts.Never, contacts.Known, contacts.Always); !ok {
			return v, method.Bad("showsDisplays is never, contacts or always", "showsDisplays")
		}
	}
	if s.ID != method.OnlyID {
		return v, method.Bad("the id cannot be changed", "id")
	}
	return v, nil
}

// settings are LiveSettings/get and /set.
func (l *Live) settings() method.Only {
	return method.Only{
		Type:       states.LiveSettings,
		Properties: []string{"id", "showsPresence", "showsTyping", "showsReading", "showsDisplays"},
		Read: func(t *tx.Tx, account mail.AccountID) (any, error) {
			v, err := l.o.Contacts.Setting(t, account)
			return settingsOf(v), err
		},
		Change: func(t *tx.Tx, account mail.AccountID, patched ijson.Value) (*method.Error, error) {
			var wanted settings
			if err := ijson.Strict(patched, &wanted); err != nil {
				return method.Bad(whatIsWrong(err)), nil
			}
			v, failed := wanted.into()
			if failed != nil {
				return failed, nil
			}
			return nil, l.o.Contacts.SetSetting(t, account, v)
		},
	}
}
