package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	"github.com/mailmesh/mailmesh/internal/mail"
	cluster "github.com/mailmesh/mailmesh/test/cluster/s3"
)

func ownedBy(owner string) func(*s3.Options) {
	return func(o *s3.Options) { o.Owner = func(context.Context) (string, error) { return owner, nil } }
}

// Of two servers with one bucket the second does nothing there: its sweep would remove what the first has.
func TestABucketOfAnother(t *testing.T) {
	server := cluster.Shared(t)
	bucket := server.NewBucket(t)
	ours, again, theirs := open(t, server, bucket, ownedBy("ours")), open(t, server, bucket, ownedBy("ours")), open(t, server, bucket, ownedBy("theirs"))
	at, _, err := ours.Put(t.Context(), 1, strings.NewReader("a body"))
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Claim(t.Context()); err != nil {
		t.Errorf("another node of ours: %v", err)
	}
	_, _, put := theirs.Put(t.Context(), 2, strings.NewReader("another"))
	for what, err := range map[string]error{
		"claim": theirs.Claim(t.Context()), "put": put, "remove": theirs.Remove(t.Context(), at), "clean": theirs.Clean(t.Context(), time.Now()),
		"list": theirs.List(t.Context(), func(f blob.Found) error { return fmt.Errorf("found %v", f.ID) }),
	} {
		if !mail.Is(err, mail.Conflict) || !strings.Contains(err.Error(), `"ours"`) || !strings.Contains(err.Error(), `"theirs"`) {
			t.Errorf("%s in the bucket of another: %v; want a conflict that names both", what, err)
		}
	}
	if got := listed(t, ours); len(got) != 1 || got[0] != 1 {
		t.Errorf("there are %v, want the one body and not the mark", got)
	}
	if err := open(t, server, bucket, ownedBy("theirs"), func(o *s3.Options) { o.Prefix = "theirs/" }).Claim(t.Context()); err != nil {
		t.Errorf("below a prefix of its own: %v", err)
	}
}

func listed(t *testing.T, s *s3.Store) (ids []mail.ObjectID) {
	t.Helper()
	if err := s.List(t.Context(), func(f blob.Found) error { ids = append(ids, f.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	return ids
}

// Of servers that first come to a bucket at once one has it.
func TestOneOfManyOwnsABucket(t *testing.T) {
	server := cluster.Shared(t)
	bucket := server.NewBucket(t)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		s := open(t, server, bucket, ownedBy(fmt.Sprint("server ", i)))
		all.Go(func() { errs[i] = s.Claim(t.Context()) })
	}
	all.Wait()
	own := 0
	for _, err := range errs {
		if err == nil {
			own++
		} else if !mail.Is(err, mail.Conflict) {
			t.Error(err)
		}
	}
	if own != 1 {
		t.Errorf("%d servers own the bucket, want 1: %v", own, errs)
	}
}

// While it cannot be known whose bucket it is, nothing is put there, and it is asked again.
func TestABucketOfNobodyKnows(t *testing.T) {
	server := cluster.Shared(t)
	known := errors.New("the database is away")
	s := open(t, server, server.NewBucket(t), func(o *s3.Options) {
		o.Owner = func(context.Context) (string, error) { return "ours", known }
	})
	if _, _, err := s.Put(t.Context(), 1, strings.NewReader("a body")); !mail.Is(err, mail.Unavailable) {
		t.Errorf("put: %v, want unavailable", err)
	}
	known = nil
	if _, _, err := s.Put(t.Context(), 1, strings.NewReader("a body")); err != nil {
		t.Error(err)
	}
}

// Without a key it is asked for by the role of the container, as on a machine or in a pod that has one.
func TestRole(t *testing.T) {
	server := cluster.Shared(t)
	for _, name := range os.Environ() {
		if name, _, _ = strings.Cut(name, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"AccessKeyId": %q, "SecretAccessKey": %q, "Token": "", "Expiration": %q}`,
			cluster.AccessKey, cluster.SecretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer role.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.URL)
	nobody := func(o *s3.Options) { o.AccessKey, o.SecretKey = "", "" }
	bucket := server.NewBucket(t)
	if _, _, err := open(t, server, bucket, nobody).Put(t.Context(), 1, strings.NewReader("a body")); err != nil {
		t.Errorf("by the role: %v", err)
	}
	role.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", cluster.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", cluster.SecretKey)
	if _, _, err := open(t, server, bucket, nobody).Put(t.Context(), 2, strings.NewReader("a body")); err != nil {
		t.Errorf("by the environment: %v", err)
	}
}
