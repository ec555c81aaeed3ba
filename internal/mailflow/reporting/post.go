package reporting

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mailmesh/mailmesh/internal/store/reports"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	postTime    = time.Minute
	maxAnswer   = 4 << 10
	firstPause  = 5 * time.Minute
	maxAttempts = 9 // over some 21 hours (RFC 8460 5.4: for 24 hours)
)

// pause is how long after an attempt the next one comes.
func pause(attempts int) time.Duration { return firstPause << min(attempts, maxAttempts) }

// postAll posts the reports that are due.
func (r *Reporting) postAll(ctx context.Context) error {
	for {
		var p reports.Post
		var ok bool
		err := r.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) { p, ok, err = r.o.Reports.Next(t, pause); return err })
		if err != nil || !ok {
			return err
		}
		err = r.post(ctx, p)
		switch {
		case err == nil:
			r.o.Log.InfoContext(ctx, "reporting: TLS report posted", "domain", p.Domain, "url", p.URL)
		case p.Attempts < maxAttempts:
			r.o.Log.InfoContext(ctx, "reporting: a TLS report cannot be posted, it will be tried again", "domain", p.Domain, "url", p.URL, "err", err)
			continue
		default:
			r.o.Log.WarnContext(ctx, "reporting: a TLS report cannot be posted and is dropped", "domain", p.Domain, "url", p.URL, "err", err)
		}
		if err := r.o.Tx.Write(ctx, nil, func(t *tx.Tx) error { return r.o.Reports.Done(t, p.ID) }); err != nil {
			return err
		}
	}
}

// post sends a report to its web address (RFC 8460 5.4).
func (r *Reporting) post(ctx context.Context, p reports.Post) error {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(p.Report))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/tlsrpt+gzip")
	response, err := r.o.Client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.CopyN(io.Discard, response.Body, maxAnswer); err != nil && err != io.EOF {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the answer is %q", response.Status)
	}
	return nil
}
