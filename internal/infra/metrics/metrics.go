// Package metrics counts and times what the server does and shows it in the Prometheus text format.
//
// It is the one user of the Prometheus library. Rooms and doors do not import it: each declares the few calls it makes,
// and node joins them to the metrics here, so that names and labels stand in one place.
//
// Label values must come from a small fixed set (a reason, a protocol), never from a peer: each new value costs memory
// for ever. A metric without labels is shown from the start, as 0: Prometheus sees a growth from 0 to 1, and none from
// nothing to 1, so the first failure would raise no alarm.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry holds the metrics of one node.
type Registry struct{ prometheus *prometheus.Registry }

// New returns a registry that already shows the Go runtime and the process.
func New() *Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Registry{r}
}

// Handler serves the metrics to Prometheus.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.prometheus, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Counter only grows.
type Counter struct{ vec *prometheus.CounterVec }

// Counter registers a counter. A name registered twice is a fault in node and panics at the start.
func (r *Registry) Counter(name, help string, labels ...string) Counter {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mailmesh_" + name, Help: help}, labels)
	r.prometheus.MustRegister(vec)
	if len(labels) == 0 {
		vec.WithLabelValues()
	}
	return Counter{vec}
}

// Add counts n events with the labels' values in the order they were registered.
func (c Counter) Add(n int, values ...string) { c.vec.WithLabelValues(values...).Add(float64(n)) }

// Gauge goes up and down.
type Gauge struct{ vec *prometheus.GaugeVec }

// Gauge registers a gauge.
func (r *Registry) Gauge(name, help string, labels ...string) Gauge {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "mailmesh_" + name, Help: help}, labels)
	r.prometheus.MustRegister(vec)
	if len(labels) == 0 {
		vec.WithLabelValues()
	}
	return Gauge{vec}
}

// Add moves the gauge by n.
func (g Gauge) Add(n int, values ...string) { g.vec.WithLabelValues(values...).Add(float64(n)) }

// Set puts the gauge to n.
func (g Gauge) Set(n float64, values ...string) { g.vec.WithLabelValues(values...).Set(n) }

// GaugeFunc registers a gauge that is read when Prometheus asks. read must be quick.
func (r *Registry) GaugeFunc(name, help string, read func() float64) {
	r.prometheus.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mailmesh_" + name, Help: help}, read))
}

// Histogram counts observations by size.
type Histogram struct{ vec *prometheus.HistogramVec }

// Latencies are the buckets for times on the path of a mail: 50 µs to 10 s.
var Latencies = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

// Sizes are the buckets for counts of things done together: 1 to 512.
var Sizes = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}

// Histogram registers a histogram with the given upper bounds.
func (r *Registry) Histogram(name, help string, bounds []float64, labels ...string) Histogram {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mailmesh_" + name, Help: help, Buckets: bounds}, labels)
	r.prometheus.MustRegister(vec)
	if len(labels) == 0 {
		vec.WithLabelValues()
	}
	return Histogram{vec}
}

// Observe counts one value.
func (h Histogram) Observe(v float64, values ...string) { h.vec.WithLabelValues(values...).Observe(v) }

// Time counts one duration, in seconds.
func (h Histogram) Time(d time.Duration, values ...string) { h.Observe(d.Seconds(), values...) }
