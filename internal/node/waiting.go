package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// How often a node that starts asks for its database, and says that it still waits.
const (
	tryEvery = time.Second
	sayEvery = time.Minute
)

// waitingFor is what readyz says meanwhile.
const waitingFor = "waiting for the database"

// OpenWhenReachable is Open, and waits for a database server that cannot be reached yet: nodes and their database may be started in
// any order. Until then all doors are closed but that of those who watch over the server.
func OpenWhenReachable(ctx context.Context, cfg config.Config, log *slog.Logger) (*Node, error) {
	n, err := Open(ctx, cfg, log)
	if cfg.Database == "" || !mail.Is(err, mail.Unavailable) {
		return n, err
	}
	watched, stop := context.WithCancel(ctx)
	failed, err := watchWaiting(watched, cfg, log, err)
	if err != nil {
		stop()
		return nil, err
	}
	defer func() { stop(); failed.Wait() }()
	for begun, said := time.Now(), time.Now(); ; {
		select {
		case <-time.After(tryEvery):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		n, err := Open(ctx, cfg, log)
		switch {
		case err == nil:
			log.Info("the database answers", "after", time.Since(begun).Round(time.Second))
			return n, nil
		case ctx.Err() != nil || !mail.Is(err, mail.Unavailable):
			return nil, err
		case time.Since(said) >= sayEvery:
			said = time.Now()
			log.Warn("still waiting for the database", "since", time.Since(begun).Round(time.Second), "err", err)
		}
	}
}

// watchWaiting answers those who watch over the server until ctx ends.
func watchWaiting(ctx context.Context, cfg config.Config, log *slog.Logger, why error) (*sync.WaitGroup, error) {
	log.Warn("the database cannot be reached: the server waits for it, with its doors closed", "err", why)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, waitingFor, http.StatusServiceUnavailable)
	})
	serve := (&Node{log: log}).serveHTTP(mux)
	var serving sync.WaitGroup
	for _, endpoint := range cfg.Listen.Metrics.Strings() {
		l, err := listen.TCP(ctx, endpoint)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", metricsDoor, err)
		}
		serving.Go(func() {
			if err := serve(ctx, l); err != nil && !errors.Is(err, http.ErrServerClosed) {
				log.Warn("those who watch over the server are not answered", "err", err)
			}
		})
	}
	return &serving, nil
}
