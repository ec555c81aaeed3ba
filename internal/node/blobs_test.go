package node_test

import (
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/test/cluster/s3"
)

// With a bucket, larger bodies lie there and small ones in the database, and all are read by whoever comes later, with
// another threshold too.
func TestBodiesInABucket(t *testing.T) {
	server := s3.Shared(t)
	bucket := server.NewBucket(t)
	cfg := nodetest.Config(t)
	cfg.Database = dbtest.PostgresURL(t, nil)
	cfg.Bodies.Store = server.URL(bucket, "")
	n := nodetest.Start(t, cfg, nil)
	alice := n.Accounts[0]
	large := letter("large") + noise(300<<10)
	for _, content := range []string{letter("small"), large} {
		for _, r := range n.Send(t, "lmtp", "me@example.net", []string{alice.Address, n.Accounts[1].Address}, content) {
			if !strings.HasPrefix(r, "250") {
				t.Fatal(r)
			}
		}
	}
	if files := inBucket(t, server, bucket); len(files) != 1 {
		t.Errorf("the bucket has %d objects, want 1: %v", len(files), files)
	}
	read := func() string {
		c := n.SignIn(t, alice.Address, alice.Password)
		c.OK("SELECT INBOX")
		return c.OK("UID FETCH 1:* (BODY.PEEK[])")
	}
	before := read()
	if !strings.Contains(before, "this is small\r\n") || !strings.Contains(before, large) {
		t.Error("what is read is not what was sent")
	}
	n.Stop(t)
	nodetest.Verify(t, cfg)
	cfg.Bodies.Small = 1 << 20
	n = nodetest.Start(t, cfg, nil)
	if read() != before {
		t.Error("with another threshold there is other mail")
	}
}

func inBucket(t *testing.T, server *s3.Server, bucket string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(server.File(bucket, ""), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") && d.Name() != "mailmesh-owner" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// noise is text of n bytes that does not compress well.
func noise(n int) string {
	var b strings.Builder
	for x := uint64(1); b.Len() < n; {
		for range 70 {
			x = x*6364136223846793005 + 1442695040888963407
			b.WriteByte('!' + byte(x>>58))
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// A server with another database does not start on the bucket: it would sweep away what it does not know.
func TestABucketOfAnotherServerIsRefused(t *testing.T) {
	service := s3.Shared(t)
	store := service.URL(service.NewBucket(t), "")
	for i, want := range []string{"", "of its own"} {
		cfg := nodetest.Config(t)
		cfg.Database = dbtest.PostgresURL(t, nil)
		cfg.Bodies.Store = store
		n, err := node.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			err = n.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("server %d: %v, want %q", i, err, want)
		}
	}
}
