package adminserver

import (
	"context"
	"net/http"
	"time"

	"github.com/mailmesh/mailmesh/internal/store/transfer"
)

// NewMigration says to where this server is to be copied.
type NewMigration struct {
	To        string `json:"to"`                  // postgres://...
	Blobs     string `json:"blobs,omitempty"`     // s3://..., "": bodies go into the database
	MasterKey string `json:"masterKey,omitempty"` // where the cluster has its master key, "": it is not looked at
}

// Migration is how far that is.
type Migration struct {
	State    MigrationState     `json:"state"`
	Begun    time.Time          `json:"begun,omitzero"`
	Progress *transfer.Progress `json:"progress,omitempty"` // the newest
	PausedMS int64              `json:"pausedMs,omitempty"` // how long the doors have been shut
	TookMS   int64              `json:"tookMs,omitempty"`
	Error    string             `json:"error,omitempty"`
}

// MigrationState is what a migration is at.
type MigrationState string

const (
	MigrationNone    MigrationState = "none"    // none was begun by this process
	MigrationRuns    MigrationState = "running" // the server is served
	MigrationPauses  MigrationState = "paused"  // the doors are shut
	MigrationFailed  MigrationState = "failed"  // the server is served; it goes on when it is begun again
	MigrationIsMoved MigrationState = "moved"   // the cluster may be served, and this server ends
)

// Migrator copies the server into a cluster.
type Migrator interface {
	Begin(context.Context, NewMigration) error // returns when it has begun
	State() Migration
	Abandon(context.Context) error
}

func (h *handler) beginMigration(r *http.Request) (any, error) {
	n, err := body[NewMigration](r)
	if err != nil {
		return nil, err
	}
	if err := h.migrator.Begin(r.Context(), n); err != nil {
		return nil, err
	}
	return h.migrator.State(), nil
}

func (h *handler) getMigration(*http.Request) (any, error) { return h.migrator.State(), nil }

func (h *handler) abandonMigration(r *http.Request) (any, error) {
	return nil, h.migrator.Abandon(r.Context())
}

const migration = "/v1/migration"

// BeginMigration begins to copy the server into a cluster, or goes on with it. The server does that by itself: it goes on
// when nobody asks how far it is.
func (c *Client) BeginMigration(ctx context.Context, n NewMigration) (Migration, error) {
	return call[Migration](ctx, c, http.MethodPost, migration, n)
}

// Migration returns how far it is.
func (c *Client) Migration(ctx context.Context) (Migration, error) {
	return call[Migration](ctx, c, http.MethodGet, migration, nil)
}

// AbandonMigration ends it for good. What was copied stays in the other database.
func (c *Client) AbandonMigration(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, migration, nil, nil)
}
