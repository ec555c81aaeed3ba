package adminserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/queue"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

// MaxRequest bounds the body of a request.
const MaxRequest = 64 << 10

// defaultPage is how many entries of a list a request gets that names no limit.
const defaultPage = 100

// Options are what the API is served over.
type Options struct {
	Provision  *provision.Service
	Submission *submission.Submission
	Verify     Verify
	Records    Records
	Queue      queue.Operator
	Cluster    Cluster
	Migrator   Migrator
	Log        *slog.Logger
}

type handler struct {
	provision  *provision.Service
	submission *submission.Submission
	verify     Verify
	records    Records
	queue      queue.Operator
	cluster    Cluster
	migrator   Migrator
	log        *slog.Logger
}

// Handler serves the API.
func Handler(o Options) http.Handler {
	h := &handler{o.Provision, o.Submission, o.Verify, o.Records, o.Queue, o.Cluster, o.Migrator, o.Log}
	mux := http.NewServeMux()
	for pattern, serve := range h.routes() {
		mux.Handle(pattern, h.answer(serve))
	}
	mux.Handle("/", h.answer(h.nothing))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// routes are all requests of the API.
func (h *handler) routes() map[string]operation {
	routes := map[string]operation{
		"GET /v1/domains":           h.listDomains,
		"POST /v1/domains":          h.addDomain,
		"GET /v1/domains/{name}":    h.getDomain,
		"PATCH /v1/domains/{name}":  h.changeDomain,
		"DELETE /v1/domains/{name}": h.removeDomain,

		"GET /v1/domains/{name}/dns": h.listRecords,

		"GET /v1/domains/{name}/dkim":         h.listKeys,
		"POST /v1/domains/{name}/dkim/rotate": h.rotateKeys,

		"GET /v1/accounts":              h.listAccounts,
		"POST /v1/accounts":             h.addAccount,
		"GET /v1/accounts/{address}":    h.getAccount,
		"PATCH /v1/accounts/{address}":  h.changeAccount,
		"DELETE /v1/accounts/{address}": h.removeAccount,

		"PUT /v1/accounts/{address}/password":              h.setPassword,
		"GET /v1/accounts/{address}/app-passwords":         h.listAppPasswords,
		"POST /v1/accounts/{address}/app-passwords":        h.addAppPassword,
		"DELETE /v1/accounts/{address}/app-passwords/{id}": h.revokeAppPassword,

		"GET /v1/accounts/{address}/sessions":         h.listSessions,
		"DELETE /v1/accounts/{address}/sessions":      h.endSessions,
		"DELETE /v1/accounts/{address}/sessions/{id}": h.revokeSession,

		"POST /v1/accounts/{address}/search/rebuild": h.rebuildSearch,

		"GET /v1/accounts/{address}/submissions":              h.listSubmissions,
		"GET /v1/accounts/{address}/submissions/{id}":         h.getSubmission,
		"POST /v1/accounts/{address}/submissions/{id}/cancel": h.cancelSubmission,

		"GET /v1/aliases":              h.listAliases,
		"POST /v1/aliases":             h.addAlias,
		"DELETE /v1/aliases/{address}": h.removeAlias,

		"POST /v1/verify": h.verifyAll,

		"GET /v1/migration":    h.getMigration,
		"POST /v1/migration":   h.beginMigration,
		"DELETE /v1/migration": h.abandonMigration,
	}
	h.groupRoutes(routes)
	h.queueRoutes(routes)
	h.clusterRoutes(routes)
	return routes
}

// operation does what a request asks and returns what to answer: nil for 204, a created value for 201, else 200.
type operation func(r *http.Request) (any, error)

// created marks what a request has made.
type created struct{ what any }

// answer runs an operation and writes its answer.
func (h *handler) answer(serve operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, MaxRequest)
		value, err := serve(r)
		status := http.StatusOK
		switch v := value.(type) {
		case nil:
			status = http.StatusNoContent
		case created:
			status, value = http.StatusCreated, v.what
		}
		if err != nil {
			kind := mail.KindOf(err)
			status, value = kindStatus[kind], Error{mail.Explain(err), kind} // the operator may read the cause of our own faults, too
		}
		h.note(r, status, err)
		if status == http.StatusNoContent {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(value) // an error means that the client has gone
	})
}

// note logs what changed something or failed. Bodies hold passwords and are not logged.
func (h *handler) note(r *http.Request, status int, err error) {
	level := slog.LevelInfo
	switch {
	case status == http.StatusInternalServerError || status == http.StatusServiceUnavailable:
		level = slog.LevelError
	case r.Method == http.MethodGet:
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", status)}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	h.log.LogAttrs(r.Context(), level, "admin request", attrs...)
}

// kindStatus is the HTTP status of each kind of error.
var kindStatus = map[mail.Kind]int{
	mail.Other:       http.StatusInternalServerError,
	mail.Invalid:     http.StatusBadRequest,
	mail.NotFound:    http.StatusNotFound,
	mail.Exists:      http.StatusConflict,
	mail.Denied:      http.StatusForbidden,
	mail.OverQuota:   http.StatusInsufficientStorage,
	mail.TooLarge:    http.StatusRequestEntityTooLarge,
	mail.Limit:       http.StatusTooManyRequests,
	mail.Conflict:    http.StatusConflict,
	mail.Disabled:    http.StatusForbidden,
	mail.Gone:        http.StatusGone,
	mail.Unavailable: http.StatusServiceUnavailable,
}

func (h *handler) nothing(r *http.Request) (any, error) {
	return nil, mail.E("admin", mail.NotFound, fmt.Errorf("there is no %s %s here: docs/operations/admin-api.md lists what there is", r.Method, r.URL.Path))
}

// body reads the request's JSON. A name that is not known is refused: it would be a change that does not happen.
func body[T any](r *http.Request) (T, error) {
	var v T
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something follows it")
		}
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return v, mail.E("admin", mail.TooLarge, fmt.Errorf("a request has at most %d bytes", MaxRequest))
	case errors.Is(err, io.EOF):
		return v, invalid("the request's body is empty: it must be a JSON object")
	case err != nil:
		return v, invalid("the request's body must be one JSON object: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return v, nil
}

func invalid(format string, args ...any) error {
	return mail.E("admin", mail.Invalid, fmt.Errorf(format, args...))
}

// pathAddress reads the address in the request's path.
func pathAddress(r *http.Request) (mail.Address, error) {
	return directory.ParseAddress(r.PathValue("address"))
}

// listing is the part of a list that a request asks for.
type listing struct {
	domain string
	after  string
	limit  int
}

func parseListing(r *http.Request) (listing, error) {
	q := r.URL.Query()
	l := listing{domain: q.Get("domain"), after: q.Get("after"), limit: defaultPage}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > directory.MaxPage {
			return l, invalid("limit is a number from 1 to %d, not %.20q", directory.MaxPage, s)
		}
		l.limit = n
	}
	return l, nil
}

// toPage makes the answer to a listing. A full page says where the next one begins.
func toPage[S, T any](l listing, found []S, show func(S) T, next func(S) string) Page[T] {
	p := Page[T]{Items: make([]T, len(found))}
	for i, s := range found {
		p.Items[i] = show(s)
	}
	if len(found) == l.limit {
		p.Next = next(found[len(found)-1])
	}
	return p
}

func showTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
