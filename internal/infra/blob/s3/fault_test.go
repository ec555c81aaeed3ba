package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
	"github.com/mailmesh/mailmesh/internal/mail"
	cluster "github.com/mailmesh/mailmesh/test/cluster/s3"
)

// first plays a fault on the first request of each kind for each object, and on no other.
func first(fault cluster.Fault, only func(*http.Request) bool) func(*http.Request) cluster.Fault {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(r *http.Request) cluster.Fault {
		query := r.URL.Query()
		key := r.Method + r.URL.Path + query.Get("partNumber") + r.Header.Get("Range")
		if _, initiate := query["uploads"]; initiate {
			key += "initiate"
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[key] || only != nil && !only(r) {
			return cluster.None
		}
		seen[key] = true
		return fault
	}
}

func reads(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "-0")
}

// services are those that the faults are played on: one that is real, and one of others.
func services(t *testing.T, test func(*testing.T, *cluster.Proxy, func(...func(*s3.Options)) *s3.Store)) {
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		proxy, open := fake(t)
		test(t, proxy, open)
	})
	t.Run("versitygw", func(t *testing.T) {
		t.Parallel()
		server := cluster.Shared(t)
		bucket, proxy := server.NewBucket(t), cluster.NewProxy(t, server.Endpoint)
		test(t, proxy, func(change ...func(*s3.Options)) *s3.Store {
			return open(t, &cluster.Server{Endpoint: proxy.Endpoint}, bucket, change...)
		})
	})
}

// Every request fails once, in each way, and nothing of it is seen.
func TestEveryRequestFailsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		fault cluster.Fault
		only  func(*http.Request) bool
	}{
		"error":     {cluster.Error, nil},
		"lost":      {cluster.Lost, nil},
		"reset":     {cluster.Reset, nil},
		"truncated": {cluster.Truncated, reads},
		"damaged":   {cluster.Damaged, reads},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			services(t, func(t *testing.T, proxy *cluster.Proxy, open func(...func(*s3.Options)) *s3.Store) {
				s := open()
				proxy.Set(first(c.fault, c.only))
				sizes := []int{100, 100 << 10, s3.PartSize + 1}
				if c.fault == cluster.Damaged {
					sizes = sizes[:2] // what is longer is authenticated above
				}
				at := make([]blob.Location, len(sizes))
				for i, size := range sizes {
					content := blobtest.Content(uint64(i), size)
					at[i] = blobtest.Put(t, s, mail.ObjectID(i+1), content)
					blobtest.Want(t, s, at[i], content)
				}
				listed := 0
				if err := s.List(t.Context(), func(blob.Found) error { listed++; return nil }); err != nil || listed != len(sizes) {
					t.Errorf("listed %d bodies, %v", listed, err)
				}
				if err := s.Remove(t.Context(), at...); err != nil {
					t.Error(err)
				}
				if _, err := s.Open(t.Context(), at[0]); !mail.Is(err, mail.NotFound) {
					t.Errorf("a removed body: %v, want not found", err)
				}
				if n := proxy.Struck(c.fault); n < 2 {
					t.Errorf("the fault struck %d times", n)
				}
			})
		})
	}
}

// A service that stays away is an answer that a sender comes back for, in bounded time, and no body is said to be lost.
func TestAway(t *testing.T) {
	for name, fault := range map[string]cluster.Fault{"error": cluster.Error, "reset": cluster.Reset, "hang": cluster.Hang} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, open := fake(t)
			at := blobtest.Put(t, open(), 1, []byte("hello"))
			s := open(func(o *s3.Options) { o.Patience = 400 * time.Millisecond })
			s.Impatient(150*time.Millisecond, 0)
			proxy.Set(func(*http.Request) cluster.Fault { return fault })
			begun := time.Now()
			if _, _, err := s.Put(t.Context(), 2, strings.NewReader("more")); !mail.Is(err, mail.Unavailable) {
				t.Errorf("Put: %v, want it unavailable", err)
			}
			if _, err := s.Open(t.Context(), at); !mail.Is(err, mail.Unavailable) {
				t.Errorf("Open: %v, want it unavailable", err)
			}
			if err := s.List(t.Context(), func(blob.Found) error { return nil }); !mail.Is(err, mail.Unavailable) {
				t.Errorf("List: %v, want it unavailable", err)
			}
			if err := s.Remove(t.Context(), at); !mail.Is(err, mail.Unavailable) {
				t.Errorf("Remove: %v, want it unavailable", err)
			}
			if err := s.Ping(t.Context()); !mail.Is(err, mail.Unavailable) {
				t.Errorf("Ping: %v, want it unavailable", err)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("that took %v", took)
			}
			if proxy.Struck(fault) < 6 {
				t.Errorf("only %d attempts", proxy.Struck(fault))
			}
			proxy.Set(nil)
			blobtest.Want(t, s, at, []byte("hello"))
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What only the operator can mend is said at once, in words that help.
func TestRefused(t *testing.T) {
	server := cluster.Shared(t)
	bucket := server.NewBucket(t)
	for want, change := range map[string]func(*s3.Options){
		"the secret key is wrong": func(o *s3.Options) { o.SecretKey = "other" },
		"No user exists":          func(o *s3.Options) { o.AccessKey = "nobody" },
		"there is no such bucket": func(o *s3.Options) { o.Bucket = "elsewhere" },
	} {
		attempts := 0
		s := open(t, server, bucket, change, func(o *s3.Options) { o.Attempt = func(string, error, time.Duration) { attempts++ } })
		_, _, err := s.Put(t.Context(), 1, strings.NewReader("hello"))
		if !mail.Is(err, mail.Unavailable) || !strings.Contains(err.Error(), want) || attempts != 1 {
			t.Errorf("%v after %d attempts; want %q after one", err, attempts, want)
		}
		if s.Ping(t.Context()) == nil {
			t.Errorf("Ping does not find that %s", want)
		}
	}
}

// Bytes that went bad where they are kept are an error, and never other mail.
func TestDamagedForGood(t *testing.T) {
	proxy, open := fake(t)
	s := open()
	small, large := blobtest.Content(1, 1000), blobtest.Content(2, 700<<10)
	seal := sealed.New(s)
	at := blobtest.Put(t, s, 1, small)
	o, err := seal.Put(t.Context(), 2, bytes.NewReader(large))
	if err != nil {
		t.Fatal(err)
	}
	proxy.Set(func(r *http.Request) cluster.Fault {
		if reads(r) {
			return cluster.Damaged
		}
		return cluster.None
	})
	if _, err := blobtest.Get(s, at); err == nil || mail.Is(err, mail.Unavailable) || mail.Is(err, mail.NotFound) {
		t.Errorf("a damaged body: %v; want an error for good", err)
	}
	r, err := seal.Open(t.Context(), o.Location, 2, o.Key)
	if err == nil {
		_, err = blob.ReadAll(r)
	}
	if !errors.Is(err, sealed.ErrDamaged) {
		t.Errorf("a damaged sealed body: %v, want ErrDamaged", err)
	}
}

// An upload in parts that was not completed is no body, and Clean ends what a crash left.
func TestUnfinishedUpload(t *testing.T) {
	services(t, func(t *testing.T, proxy *cluster.Proxy, open func(...func(*s3.Options)) *s3.Store) {
		s := open()
		lost := errors.New("connection lost")
		source := func() io.Reader {
			return io.MultiReader(bytes.NewReader(blobtest.Content(1, s3.PartSize+100)), iotest.ErrReader(lost))
		}
		var ended []string
		var mu sync.Mutex
		proxy.Set(func(r *http.Request) cluster.Fault { // as a crash: nobody ends it
			if r.Method == http.MethodDelete {
				return cluster.Error
			}
			return cluster.None
		})
		if _, _, err := s.Put(t.Context(), 1, source()); !errors.Is(err, lost) {
			t.Fatal(err)
		}
		proxy.Set(func(r *http.Request) cluster.Fault {
			mu.Lock()
			defer mu.Unlock()
			if r.Method == http.MethodDelete {
				ended = append(ended, r.URL.Path)
			}
			return cluster.None
		})
		clean := func(before time.Time, want int) {
			t.Helper()
			if ended = nil; s.Clean(t.Context(), before) != nil || len(ended) != want {
				t.Errorf("Clean ended %v, want %d", ended, want)
			}
		}
		clean(time.Now().Add(-time.Minute), 0)
		clean(time.Now().Add(time.Minute), 1)
		clean(time.Now().Add(time.Minute), 0)
		if err := s.List(t.Context(), func(f blob.Found) error { return errors.New("something is listed") }); err != nil {
			t.Error(err)
		}
	})
}

// Slow senders of long bodies fill the memory that there is for them; more are told to come again, and short bodies pass.
func TestMemoryIsBounded(t *testing.T) {
	_, open := fake(t)
	s := open(func(o *s3.Options) { o.Memory = s3.PartSize })
	s.Impatient(time.Minute, 10*time.Millisecond)
	slow, end := io.Pipe()
	put := make(chan error, 1)
	go func() {
		_, _, err := s.Put(context.Background(), 1, slow)
		put <- err
	}()
	if _, err := end.Write(blobtest.Content(1, s3.PartSize-1000)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Put(t.Context(), 2, bytes.NewReader(blobtest.Content(2, 2<<20))); !mail.Is(err, mail.Unavailable) {
		t.Errorf("a long body: %v, want it unavailable", err)
	}
	blobtest.Put(t, s, 3, blobtest.Content(3, 16<<10-1))
	end.Close()
	if err := <-put; err != nil {
		t.Errorf("the slow one: %v", err)
	}
	if n := s.Held(); n != 0 {
		t.Errorf("%d pieces of memory are still held", n)
	}
	blobtest.Put(t, s, 4, blobtest.Content(4, 2<<20))
}

// What was acknowledged survives that the service is killed, and what is being put goes on when it is back.
func TestServiceIsKilled(t *testing.T) {
	server := cluster.Start(t)
	s := open(t, server, server.NewBucket(t))
	content := blobtest.Content(1, 200<<10)
	at := blobtest.Put(t, s, 1, content)
	server.Stop()
	put := make(chan blob.Location, 1)
	attempted := make(chan struct{}, 100)
	again := open(t, server, "bucket-1", func(o *s3.Options) { o.Attempt = func(string, error, time.Duration) { attempted <- struct{}{} } })
	go func() { put <- blobtest.Put(t, again, 2, content) }()
	<-attempted
	<-attempted
	server.Restart(t)
	blobtest.Want(t, s, <-put, content)
	blobtest.Want(t, s, at, content)
}
