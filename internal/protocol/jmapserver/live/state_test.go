package live

import (
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// What another client changes right after the commit of a /set comes after the newState that is answered: who follows changes from there
// hears of it.
func TestNewStateIsThatOfTheCommit(t *testing.T) {
	for name, call := range map[string]string{
		"Contact":      fmt.Sprintf(`"update":{%q:{"isBlocked":true}}`, contacts.IDOf(parse(doortest.BobAddress))),
		"LiveSettings": `"update":{"singleton":{"showsTyping":false}}`,
	} {
		r := open(t, dbtest.OnSQLite)
		r.live.o.Contacts.OnRevoked(func(account mail.AccountID) {
			r.live.o.Contacts.OnRevoked(func(mail.AccountID) {})
			r.wrote(account, doortest.AnnAddress, contacts.Person{Address: parse("carl@elsewhere.example")})
			r.Write(account, func(t *tx.Tx) error { return r.live.o.Contacts.SetSetting(t, account, contacts.DefaultSetting) })
		})
		_, set := r.Call(name+"/set", fmt.Sprintf(`{"accountId":%q,%s}`, doortest.Ann, call))
		_, now := r.Call(name+"/get", fmt.Sprintf(`{"accountId":%q}`, doortest.Ann))
		if set["newState"] == nil || set["newState"] == set["oldState"] || set["newState"] == now["state"] {
			t.Errorf("%s: %v, and then the state is %v", name, set, now["state"])
		}
	}
}
