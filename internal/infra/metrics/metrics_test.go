package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWhatIsCountedIsShown(t *testing.T) {
	r := New()
	r.Counter("refused_total", "Refused.", "reason").Add(2, "unknown user")
	g := r.Gauge("sessions", "Open.", "protocol")
	g.Add(3, "imap")
	g.Add(-1, "imap")
	r.GaugeFunc("bytes", "Kept.", func() float64 { return 7 })
	r.Histogram("commit_seconds", "Commit.", Latencies).Time(2 * time.Millisecond)

	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`mailmesh_refused_total{reason="unknown user"} 2`,
		`mailmesh_sessions{protocol="imap"} 2`,
		`mailmesh_bytes 7`,
		`mailmesh_commit_seconds_bucket{le="0.001"} 0`,
		`mailmesh_commit_seconds_bucket{le="0.0025"} 1`,
		`go_goroutines`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("not shown: %s", want)
		}
	}
}

// What has not happened yet is shown as 0, so that an alarm sees it happen for the first time.
func TestWhatHasNotHappenedIsShown(t *testing.T) {
	r := New()
	r.Counter("failures_total", "Failures.")
	r.Gauge("waiting", "Waiting.")
	r.Histogram("notice_seconds", "Notices.", Latencies)

	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{"mailmesh_failures_total 0\n", "mailmesh_waiting 0\n", "mailmesh_notice_seconds_count 0\n"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("not shown: %s", want)
		}
	}
}
