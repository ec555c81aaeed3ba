package s3

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// PartSize is the largest body that is sent as one PUT, and the size of the parts of a longer one: the least that S3 allows,
// because it is held in memory.
const PartSize = 5 << 20

// Options says where the bucket is and how long to try.
type Options struct {
	Endpoint string // host:port
	Secure   bool   // HTTPS
	Region   string
	Bucket   string
	Prefix   string // "" or ends in a slash

	// AccessKey and SecretKey are who asks. Without them it is who the environment says (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
	// AWS_SESSION_TOKEN), or whom the machine, the container or the pod plays the role of.
	AccessKey, SecretKey string

	// Owner names the server whose bodies these are (Store.Claim); nil: nobody else can use the bucket.
	Owner func(context.Context) (string, error)

	// Now is the database's time.
	Now func(context.Context) (time.Time, error)

	// Patience is how long an operation is tried; 0 is DefaultPatience. Memory bounds what Puts hold; 0 is DefaultMemory.
	Patience time.Duration
	Memory   int64

	// Attempt, where set, is told what became of each request.
	Attempt func(operation string, err error, took time.Duration)
}

// DefaultPatience is less than any client waits for an answer (RFC 5321 4.5.3.2.6: ten minutes after the final dot), and
// more than a service takes to replace a part of itself.
const DefaultPatience = 40 * time.Second

// DefaultMemory holds fifty long bodies on their way.
const DefaultMemory = 256 << 20

// Store keeps bodies in a bucket. It is safe for concurrent use.
type Store struct {
	core        minio.Core
	bucket      string
	prefix      string
	now         func(context.Context) (time.Time, error)
	owner       func(context.Context) (string, error)
	owned       atomic.Bool   // the bucket is marked with the owner
	patience    time.Duration // of an operation
	attemptTime time.Duration // of an attempt
	attempt     func(string, error, time.Duration)
	memory      *memory
	close       func()
}

var (
	_ blob.Store   = (*Store)(nil)
	_ blob.Lister  = (*Store)(nil)
	_ blob.Cleaner = (*Store)(nil)
	_ blob.Pinger  = (*Store)(nil)
)

// New returns a Store. It asks nothing of the service; Ping does.
func New(o Options) (*Store, error) {
	transport := newTransport()
	client, err := minio.New(o.Endpoint, &minio.Options{
		Creds:        o.credentials(),
		Secure:       o.Secure,
		Region:       o.Region,
		Transport:    transport,
		MaxRetries:   1, // this package decides what is tried again
		BucketLookup: minio.BucketLookupAuto,
	})
	if err != nil {
		return nil, mail.E("s3.New", mail.Invalid, err)
	}
	s := &Store{
		core: minio.Core{Client: client}, bucket: o.Bucket, prefix: o.Prefix, now: o.Now, owner: o.Owner, patience: o.Patience, attemptTime: attemptTime, attempt: o.Attempt,
		memory: newMemory(o.Memory), close: transport.CloseIdleConnections,
	}
	if s.patience == 0 {
		s.patience = DefaultPatience
	}
	return s, nil
}

func (o Options) credentials() *credentials.Credentials {
	if o.AccessKey != "" {
		return credentials.NewStaticV4(o.AccessKey, o.SecretKey, "")
	}
	return credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.IAM{Region: o.Region}})
}

func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 15 * time.Second,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   64,
		DisableCompression:    true, // bodies are compressed, and what is received must be what was kept
	}
}

// Close ends idle connections.
func (s *Store) Close() error { s.close(); return nil }

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	const op = "s3.Put"
	if err := ctx.Err(); err != nil {
		return nil, 0, mail.E(op, mail.Unavailable, err)
	}
	if err := s.Claim(ctx); err != nil {
		return nil, 0, err
	}
	b := s.memory.newBuffer()
	defer b.release()
	ended, err := b.fill(ctx, r)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", op, err)
	}
	at, err := s.now(ctx)
	if err != nil {
		return nil, 0, mail.E(op, mail.Unavailable, fmt.Errorf("ask for the database's time: %w", err))
	}
	p := place{at: at.UnixMilli(), id: id, size: b.size}
	if !ended {
		p.size, err = s.putParts(ctx, p.name(), b, r)
	} else {
		p.crc = b.crc
		err = s.putWhole(ctx, p.name(), b)
	}
	if err != nil {
		return nil, 0, err
	}
	return p.location(), p.size, nil
}

// putWhole sends a body in one request. From here on the context of the caller no longer counts.
func (s *Store) putWhole(ctx context.Context, name string, b *buffer) error {
	sum := hex.EncodeToString(b.hash.Sum(nil))
	return s.try(context.WithoutCancel(ctx), "put", b.size, func(ctx context.Context) error {
		body := b.reader()
		defer body.Close()
		_, err := s.core.PutObject(ctx, s.bucket, s.prefix+name, body, b.size, "", sum, minio.PutObjectOptions{ContentType: contentType, DisableContentSha256: wholeHash})
		return err
	})
}

const (
	contentType = "application/octet-stream"

	// wholeHash has the library sign the hash of all bytes that it is given, instead of those of pieces.
	wholeHash = true
)

// Ping implements blob.Pinger: it asks whether the bucket is there and may be used.
func (s *Store) Ping(ctx context.Context) error {
	var there bool
	err := s.once(ctx, "ping", 0, func(ctx context.Context) (err error) {
		there, err = s.core.BucketExists(ctx, s.bucket)
		return err
	})
	if err == nil && !there {
		err = mail.E("s3.Ping", mail.NotFound, fmt.Errorf("there is no bucket %q at %s", s.bucket, s.core.EndpointURL().Host))
	}
	return err
}
