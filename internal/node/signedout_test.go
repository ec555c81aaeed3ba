package node_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// What takes a sign-in away ends the sessions that came by it, also those that only wait.
func TestSessionsEndWithTheirSignIn(t *testing.T) {
	off := true
	for name, takeAway := range map[string]func(t *testing.T, a *node.Admin, address string) error{
		"disabled": func(t *testing.T, a *node.Admin, address string) error {
			_, err := a.ChangeAccount(t.Context(), address, node.AccountChange{Disabled: &off})
			return err
		},
		"another password": func(t *testing.T, a *node.Admin, address string) error {
			return a.SetPassword(t.Context(), address, "an entirely new one")
		},
		"removed": func(t *testing.T, a *node.Admin, address string) error {
			return a.RemoveAccount(t.Context(), address)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := nodetest.Config(t)
			n := nodetest.Start(t, cfg, nil)
			admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			c := n.SignIn(t, n.Accounts[1].Address, n.Accounts[1].Password)
			c.OK("SELECT INBOX")
			ended := make(chan string, 1)
			go func() {
				untagged, tagged := c.Do("IDLE")
				ended <- untagged + tagged
			}()
			if err := takeAway(t, admin, n.Accounts[1].Address); err != nil {
				t.Fatal(err)
			}
			if got := <-ended; !strings.Contains(got, "* BYE") {
				t.Errorf("the session heard %q", got)
			}
		})
	}
}
