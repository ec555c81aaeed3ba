package members

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// While the database is away for long, the log says so now and then, and at once when it goes again.
func TestOutagesDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := &Member{o: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute+time.Second/4)
		defer cancel()
		tried := 0
		m.repeat(ctx, time.Second, time.Second/2, "do it", func(context.Context) error {
			if tried++; tried == 121 { // after a minute it works once
				return nil
			}
			return errors.New("away")
		})
		if lines := strings.Count(log.String(), "cannot do it"); lines < 12 || lines > 14 || tried < 200 {
			t.Errorf("%d lines of %d tries:\n%s", lines, tried, &log)
		}
	})
}
