package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/adminserver"
	"github.com/mailmesh/mailmesh/internal/verify"
)

// The words of the admin interface, for commands, which import no door.
type (
	Admin          = adminserver.Client
	Domain         = adminserver.Domain
	NewDomain      = adminserver.NewDomain
	DomainChange   = adminserver.DomainChange
	Account        = adminserver.Account
	NewAccount     = adminserver.NewAccount
	AccountChange  = adminserver.AccountChange
	AppPassword    = adminserver.AppPassword
	NewAppPassword = adminserver.NewAppPassword
	Session        = adminserver.Session
	Alias          = adminserver.Alias
	NewAlias       = adminserver.NewAlias
	Group          = adminserver.Group
	NewGroup       = adminserver.NewGroup
	GroupChange    = adminserver.GroupChange
	Member         = adminserver.Member
	MemberChange   = adminserver.MemberChange
	VerifyReport   = verify.Report
	ClusterStatus  = adminserver.ClusterStatus
	ClusterNode    = adminserver.ClusterNode
	ClusterWork    = adminserver.ClusterWork
	QueueMessage   = adminserver.QueueMessage
	QueueRecipient = adminserver.QueueRecipient
	QueueQuery     = adminserver.QueueQuery
	QueueEvent     = adminserver.QueueEvent
	QueueStop      = adminserver.QueueStop
	NewQueueStop   = adminserver.NewQueueStop

	Migration    = adminserver.Migration
	NewMigration = adminserver.NewMigration

	DKIMKey    = adminserver.DKIMKey
	Rotation   = adminserver.Rotation
	Submission = adminserver.Submission
)

// What a migration is at.
const (
	MigrationNone    = adminserver.MigrationNone
	MigrationRuns    = adminserver.MigrationRuns
	MigrationPauses  = adminserver.MigrationPauses
	MigrationFailed  = adminserver.MigrationFailed
	MigrationIsMoved = adminserver.MigrationIsMoved
)

// Explain is the text of an error for a person.
func Explain(err error) string { return mail.Explain(err) }

// IsNotFound reports that what was asked for is not there.
func IsNotFound(err error) bool { return mail.Is(err, mail.NotFound) }

// OpenAdmin returns the admin interface of the server that runs on the data folder or, when none does, of the folder itself,
// which is then held until close.
func OpenAdmin(ctx context.Context, cfg config.Config, log *slog.Logger) (a *Admin, close func() error, err error) {
	a = adminserver.Dial(filepath.Join(cfg.Data, adminserver.SocketName))
	for _, err := range a.Domains(ctx) {
		if errors.Is(err, adminserver.ErrNotRunning) {
			return openOffline(ctx, cfg, log)
		}
		if err != nil {
			return nil, nil, err
		}
		break
	}
	return a, func() error { a.Close(); return nil }, nil
}

func openOffline(ctx context.Context, cfg config.Config, log *slog.Logger) (*Admin, func() error, error) {
	n, err := Open(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	return adminserver.Direct(n.adminHandler()), n.Close, nil
}

func (n *Node) adminHandler() http.Handler {
	return adminserver.Handler(adminserver.Options{Provision: n.rooms.provision, Submission: n.rooms.submission, Verify: n.verify, Records: n.records, Queue: n.operator(), Cluster: nodes{n}, Migrator: n.migrator, Log: n.log})
}

// adminDoor is the door of the admin socket.
func (n *Node) adminDoor() (door, error) {
	l, err := adminserver.Listen(n.rooms.folder.file(adminserver.SocketName))
	if err != nil {
		return door{}, err
	}
	return door{"admin", l, func(ctx context.Context, l net.Listener) error {
		return adminserver.Serve(ctx, l, n.adminHandler(), n.log)
	}}, nil
}

func (n *Node) verify(ctx context.Context) (VerifyReport, error) {
	return verify.Run(ctx, n.rooms.verified())
}

// verified are the rooms that have something to be verified.
func (r *rooms) verified() verify.Rooms {
	return verify.Rooms{Tx: r.tx, Directory: r.directory, Bodies: r.bodies, Mailbox: r.mailbox, Index: r.search, Spool: r.spool, Certs: r.certs}
}
