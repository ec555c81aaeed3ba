package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// An attempt may take a Store's attemptTime, and longer for many bytes: a service slower than slowest is as good as none.
const (
	attemptTime = 10 * time.Second
	slowest     = 256 << 10 // bytes a second
	firstPause  = 50 * time.Millisecond
	longestWait = 4 * time.Second
)

// try does something until it succeeds, fails for good, or the Store's patience is over. bytes is how many it moves.
func (s *Store) try(ctx context.Context, operation string, bytes int64, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestWait) {
		err := s.once(ctx, operation, bytes, do)
		if err == nil || !mail.Is(err, mail.Unavailable) || errors.Is(err, errRefused) {
			return err
		}
		// Nodes that failed at the same moment must not come back at the same moment.
		wait := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// once makes one attempt. Its error is one of ours: Unavailable when another attempt may succeed.
func (s *Store) once(ctx context.Context, operation string, bytes int64, do func(context.Context) error) error {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.attemptTime+time.Duration(bytes)*time.Second/slowest)
	defer cancel()
	err := classify("s3."+operation, do(ctx))
	if s.attempt != nil {
		s.attempt(operation, err, time.Since(begun))
	}
	return err
}

// errRefused is in errors that the next attempt would meet, too. Their kind is Unavailable all the same: the operator can mend
// it, and senders shall come again.
var errRefused = errors.New("the S3 service refuses")

// advice says what is to be done about answers that the next attempt would get, too.
var advice = map[string]string{
	"AccessDenied":                 "look at the rights of the key",
	"AllAccessDisabled":            "look at the account",
	"InvalidAccessKeyId":           "it does not know the access key",
	"SignatureDoesNotMatch":        "the secret key is wrong",
	"NoSuchBucket":                 "there is no such bucket",
	"InvalidBucketName":            "that is no name of a bucket",
	"PermanentRedirect":            "the bucket is at another endpoint",
	"NotImplemented":               "it lacks what is needed",
	"QuotaExceeded":                "the bucket is full",
	"RequestTimeTooSkewed":         "the clock of this machine is wrong",
	"AuthorizationHeaderMalformed": "the region is wrong",
}

// passing are answers of the class 4xx that say that something went wrong on the way, or is being done by another.
var passing = map[string]bool{
	"RequestTimeout": true, "IncompleteBody": true, "BadDigest": true, "InvalidDigest": true, "XAmzContentSHA256Mismatch": true,
	"SlowDown": true, "OperationAborted": true, "ConditionalRequestConflict": true,
}

// classify makes an error of the client one of ours.
func classify(op string, err error) error {
	var ours *mail.Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	answer := minio.ToErrorResponse(err)
	why, refused := advice[answer.Code]
	status := answer.StatusCode
	switch {
	case refused:
	case answer.Code == minio.NoSuchKey: // no other 404 says so: one may mean that there is no such user
		return mail.E(op, mail.NotFound, err)
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooManyRequests, passing[answer.Code]:
	case status >= 400 && status < 500:
		refused, why = true, answer.Code
	}
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		refused, why = true, "its certificate is of nobody this machine trusts"
	}
	if refused {
		err = fmt.Errorf("%w: %s: %w", errRefused, why, err)
	}
	return mail.E(op, mail.Unavailable, err)
}
