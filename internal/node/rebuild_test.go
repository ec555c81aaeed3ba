package node_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// The database of a stopped server loses rows of bodies; after a rebuild all mail is there and whole.
func TestRebuild(t *testing.T) {
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	alice, bob := n.Accounts[0], n.Accounts[1]
	large := letter("large") + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 20_000) // a file of its own
	for _, content := range []string{letter("small"), large} {
		n.Send(t, "smtp", "me@example.net", []string{alice.Address, bob.Address}, content)
	}
	read := func(a node.DemoAccount) string {
		c := n.SignIn(t, a.Address, a.Password)
		c.OK("SELECT INBOX")
		return c.OK("UID FETCH 1:* (UID EMAILID RFC822.SIZE BODY.PEEK[])")
	}
	before := map[node.DemoAccount]string{alice: read(alice), bob: read(bob)}
	if _, err := rebuild(t, cfg); !errors.Is(err, node.ErrInUse) {
		t.Errorf("a running server was rebuilt: %v", err)
	}
	n.Stop(t)
	objects := nodetest.Verify(t, cfg).Bodies.Objects
	for _, lost := range [][]string{{"object"}, {"blob"}, {"object", "blob"}} {
		for _, table := range lost {
			loseRows(t, cfg, table)
		}
		admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if report, err := admin.Verify(t.Context()); err != nil || report.OK || !report.Rebuild {
			t.Errorf("without rows of %q verify says %+v, %v", lost, report, err)
		}
		if err := done(); err != nil {
			t.Fatal(err)
		}
		if did, err := rebuild(t, cfg); err != nil || did.Lost > 0 || did.Objects+did.Names < objects {
			t.Errorf("rebuilding %q did %+v, %v", lost, did, err)
		}
		if report := nodetest.Verify(t, cfg); report.Bodies.Objects != objects {
			t.Errorf("with %q rebuilt there are %d bodies, before %d", lost, report.Bodies.Objects, objects)
		}
	}
	n = nodetest.Start(t, cfg, nil)
	for a, text := range before {
		if read(a) != text {
			t.Errorf("%s has other mail", a.Address)
		}
	}
	n.Stop(t)
}

// The folder of one node of several has nothing that bodies could be rebuilt from.
func TestRebuildInACluster(t *testing.T) {
	cfg := nodetest.Config(t)
	cfg.Database = dbtest.PostgresURL(t, nil)
	nodetest.Start(t, cfg, nil).Stop(t)
	if _, err := rebuild(t, cfg); err == nil || !strings.Contains(err.Error(), "from its own backup") {
		t.Errorf("rebuilding: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, "keys")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a node of a cluster keeps keys of bodies in its folder: %v", err)
	}
}

func rebuild(t *testing.T, cfg config.Config) (node.Rebuilt, error) {
	return node.Rebuild(t.Context(), cfg, slog.New(slog.DiscardHandler))
}

func loseRows(t *testing.T, cfg config.Config, table string) {
	t.Helper()
	url := cfg.Database
	if url == "" {
		url = "sqlite:" + filepath.Join(cfg.Data, "mailmesh.db")
	}
	d, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Write(t.Context(), 0, func(t *db.Tx) error {
		n, err := t.Exec(`DELETE FROM ` + table)
		if err == nil && n == 0 {
			err = errors.New("there were none")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
