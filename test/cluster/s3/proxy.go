package s3

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what a Proxy does with a request instead of only passing it on.
type Fault int

const (
	None      Fault = iota
	Error           // answers 500 and does not pass it on
	Lost            // passes it on and resets the connection instead of answering
	Reset           // resets the connection and does not pass it on
	Truncated       // passes on half of the answer
	Damaged         // changes a byte of the answer
	Hang            // does not answer until the client gives up, or the proxy closes
)

// Proxy stands before a Server, or any other service.
type Proxy struct {
	Endpoint string // host:port, plain HTTP

	next        *httputil.ReverseProxy
	done        chan struct{}
	mu          sync.Mutex
	choose      func(*http.Request) Fault
	least, most time.Duration // of waiting
	struck      [Hang + 1]atomic.Int64
	passed      atomic.Int64
	delayed     atomic.Int64
}

// NewProxy starts a proxy before endpoint, host:port.
func NewProxy(t testing.TB, endpoint string) *Proxy {
	p := &Proxy{done: make(chan struct{})}
	target := &url.URL{Scheme: "http", Host: endpoint}
	p.next = &httputil.ReverseProxy{
		// The host is signed, so it stays the one that the client asked.
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		FlushInterval: -1,
	}
	server := httptest.NewServer(p)
	p.Endpoint = server.Listener.Addr().String()
	t.Cleanup(func() { close(p.done); server.CloseClientConnections(); server.Close() })
	return p
}

// Set has every request asked what to do with it; nil is to pass it on.
func (p *Proxy) Set(choose func(*http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.choose = choose
}

// Delay has every request wait first: at least so long, and at most.
func (p *Proxy) Delay(least, most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.least, p.most = least, most
}

// Struck is how many requests had a fault, Passed how many had none.
func (p *Proxy) Struck(f Fault) int64 { return p.struck[f].Load() }

// Passed is how many requests had no fault.
func (p *Proxy) Passed() int64 { return p.passed.Load() }

// Delayed is how many requests had to wait, or still have to.
func (p *Proxy) Delayed() int64 { return p.delayed.Load() }

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	choose, delay := p.choose, p.least+rand.N(p.most-p.least+1)
	p.mu.Unlock()
	fault := None
	if choose != nil {
		fault = choose(r)
	}
	if delay > 0 {
		p.delayed.Add(1)
		if !p.wait(r, delay) {
			return
		}
	}
	p.struck[fault].Add(1)
	switch fault {
	case None:
		p.passed.Add(1)
		p.next.ServeHTTP(w, r)
	case Error:
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, `<?xml version="1.0"?><Error><Code>InternalError</Code><Message>a fault of the test</Message></Error>`)
	case Reset:
		panic(http.ErrAbortHandler)
	case Lost:
		p.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case Hang:
		p.wait(r, time.Hour)
	default:
		p.spoil(w, r, fault)
	}
}

// wait waits, and reports whether that came to its end.
func (p *Proxy) wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-p.done:
	}
	return false
}

// spoil passes on an answer that is short or wrong, whose header says that it is neither.
func (p *Proxy) spoil(w http.ResponseWriter, r *http.Request, fault Fault) {
	answer := httptest.NewRecorder()
	p.next.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	body := answer.Body.Bytes()
	if fault == Truncated {
		w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	}
	if len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	w.Write(body)
}
