package node

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/nats"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/delivery"
	"github.com/mailmesh/mailmesh/internal/mailflow/inbound"
	"github.com/mailmesh/mailmesh/internal/mailflow/outbound"
	"github.com/mailmesh/mailmesh/internal/mailflow/reporting"
	"github.com/mailmesh/mailmesh/internal/mailflow/snoozing"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/mailflow/tlspolicy"
	"github.com/mailmesh/mailmesh/internal/mailflow/tracking"
	"github.com/mailmesh/mailmesh/internal/mailflow/vacation"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/realtime/notify"
	"github.com/mailmesh/mailmesh/internal/realtime/presence"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/realtime/webpush"
	"github.com/mailmesh/mailmesh/internal/rfc/srs"
	vapid "github.com/mailmesh/mailmesh/internal/rfc/webpush"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/certs"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/snooze"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	responses "github.com/mailmesh/mailmesh/internal/store/vacation"
)

// rooms are all rooms of a server, open.
type rooms struct {
	folder    *folder
	db        *db.DB
	blobs     blob.Store
	bucket    *s3.Store // of the larger ones, nil where there is none
	bus       cluster.Bus
	routed    *nats.Bus // the same, where it reaches other nodes
	realtime  *realtime.Realtime
	feed      *states.Feed
	tx        *tx.Store
	directory *directory.Store
	auth      *auth.Store
	bodies    *bodies.Store
	mailbox   *mailbox.Store
	search    *search.Index
	finder    *finding.Finder
	spool     *spool.Store
	certs     *certs.Store
	sender    *srs.Rewriter

	signInSecret, pictureSecret, principalSecret []byte // of forms of the sign-in page, places of pictures, ids of principals

	master        []byte // the keys of this server are made of it
	subscriptions *push.Store
	vapid         *vapid.Server
	webPush       *webpush.Sender
	notifier      *notify.Notifier

	submissions *submissions.Store
	contacts    *contacts.Store
	presence    *presence.Presence
	keys        *dkimkeys.Store
	tracking    *tracking.Tracking
	snoozed     *snooze.Store
	snoozing    *snoozing.Snoozing
	submission  *submission.Submission
	responses   *responses.Store // of who is away
	answers     *vacation.Vacation

	provision *provision.Service
	inbound   *inbound.Inbound
	outbound  *outbound.Outbound

	resolver    *dns.Resolver
	private     []netip.Prefix // networks of ours that are fetched from
	fetch       *fetch.Client
	tlsPolicies *tlspolicy.Policies
	reporting   *reporting.Reporting

	closers []func() error // in the order of opening
}

// openRooms builds every room bottom up. What was opened before a failure is closed.
func openRooms(ctx context.Context, cfg config.Config, log *slog.Logger, m *meters) (r *rooms, err error) {
	r = &rooms{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.folder, err = openFolder(cfg.Data); err != nil {
		return r, err
	}
	r.closers = append(r.closers, r.folder.close)
	if err := r.openGround(ctx, cfg, log, m); err != nil {
		return r, err
	}
	if r.tx, err = tx.New(ctx, tx.Options{DB: r.db, Bell: r}); err != nil {
		return r, err
	}
	if r.master, err = r.openMasterKey(ctx, cfg); err != nil {
		return r, err
	}
	if err := r.claimBucket(ctx, log); err != nil {
		return r, err
	}
	if err := r.openBus(log); err != nil {
		return r, err
	}
	r.realtime = realtime.New(realtime.Options{Bus: r.bus, Observe: m})
	r.closers = append(r.closers, func() error { r.realtime.Close(); return nil })
	r.feed = states.NewFeed(states.FeedOptions{Tx: r.tx, Realtime: r.realtime, Report: func(err error) {
		log.Error("the states of an account cannot be read; it is tried again", "err", err)
	}})
	r.closers = append(r.closers, func() error { r.feed.Close(); return nil })
	if err := r.openStore(ctx, cfg, log, m); err != nil {
		return r, err
	}
	r.openPresence(log, m)
	r.finder = finding.New(finding.Options{Tx: r.tx, Mailbox: r.mailbox, Bodies: r.bodies, Index: r.search})
	r.provision = provision.New(provision.Options{Tx: r.tx, Directory: r.directory, Auth: r.auth, Bodies: r.bodies, Mailboxes: r.mailbox, Index: r.search, Keys: r.keys, Logger: log})
	if err := r.provision.Bootstrap(ctx); err != nil {
		return r, err
	}
	if err := r.openPolicies(cfg, log); err != nil {
		return r, err
	}
	if err := r.openWebPush(cfg.Hostname, log, m); err != nil {
		return r, err
	}
	r.openSnoozing(log)
	if err := r.openNotifier(log); err != nil {
		return r, err
	}
	if err := r.openOutbound(cfg, log, m); err != nil {
		return r, err
	}
	r.answers = vacation.New(vacation.Options{Hostname: cfg.Hostname, Bus: r.bus, Tx: r.tx, Directory: r.directory, Responses: r.responses, Bodies: r.bodies,
		Spool: r.spool, Keys: r.keys, Log: log})
	r.inbound = r.newInbound(cfg.Hostname, log)
	r.submission = r.newSubmission(cfg.Hostname, log)
	return r, nil
}

func (r *rooms) newInbound(hostname string, log *slog.Logger) *inbound.Inbound {
	return inbound.New(inbound.Options{
		Hostname: hostname, Tx: r.tx, Bodies: r.bodies, Forwarding: r.newForwarding(), Log: log,
		Delivery: r.newDelivery(), Answers: r.answers, Tracking: r.tracking,
	})
}

func (r *rooms) newDelivery() *delivery.Delivery {
	return delivery.New(delivery.Options{Bodies: r.bodies, Mailbox: r.mailbox, Contacts: r.contacts, Answers: r.answers, Notifier: r.notifier, Tracking: r.tracking})
}

// openGround opens the database, migrated, and the place of the bodies: packs beside SQLite; on PostgreSQL what every
// node reaches.
func (r *rooms) openGround(ctx context.Context, cfg config.Config, log *slog.Logger, m *meters) (err error) {
	url := cfg.Database
	if url == "" {
		if err := r.folder.checkDatabase(); err != nil {
			return err
		}
		url = "sqlite:" + r.folder.file(databaseFile)
	}
	if r.db, err = db.Open(ctx, db.Options{URL: url, Older: members.Older, Logger: log, Observe: m}); err != nil {
		return err
	}
	r.closers = append(r.closers, r.db.Close)
	if err := r.db.Migrate(ctx, schema.Files); err != nil {
		return err
	}
	if err := r.checkFilled(ctx); err != nil {
		return err
	}
	if r.db.Engine() == db.Postgres {
		return r.openBlobs(cfg.Bodies, m)
	}
	packs, err := pack.Open(pack.Options{FS: pack.OS(r.folder.file(packsFolder)), Logger: log, Observe: m.packBatch})
	if err != nil {
		return err
	}
	r.blobs = packs
	r.closers = append(r.closers, packs.Close)
	return nil
}

func (r *rooms) openStore(ctx context.Context, cfg config.Config, log *slog.Logger, m *meters) (err error) {
	master := r.master
	o := bodies.Options{Tx: r.tx, Blobs: r.blobs, MasterKey: master, Logger: log}
	if r.alone() { // beside the packs; what is in a database or in S3 is not rebuilt from this folder
		o.KeyFile = r.folder.file(keysFile)
	}
	r.bodies, err = bodies.New(o)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, r.bodies.Close)
	if err := r.openCerts(certs.Options{Tx: r.tx, MasterKey: master, Logger: log}); err != nil {
		return err
	}
	if err := r.openSender(master); err != nil {
		return err
	}
	r.directory = directory.New(directory.Options{Hostname: cfg.Hostname, Forwarding: true})
	secret, err := hkdf.Key(sha256.New, master, nil, "mailmesh auth", 32)
	if err != nil {
		return err
	}
	for purpose, secret := range map[string]*[]byte{"sign-in page": &r.signInSecret, "pictures": &r.pictureSecret, "principals": &r.principalSecret} {
		if *secret, err = hkdf.Key(sha256.New, master, nil, "mailmesh "+purpose, 32); err != nil {
			return err
		}
	}
	r.auth = auth.New(auth.Options{Tx: r.tx, Lookup: r.directory.SignIn, Secret: secret, Logger: log})
	r.mailbox = mailbox.New(mailbox.Options{Tx: r.tx, Bodies: r.bodies, Seen: r.seen, Sent: r.sent})
	r.openIndex(log, m)
	r.submissions = submissions.New()
	r.contacts = contacts.New()
	r.responses = responses.New()
	r.openTracking(cfg.Hostname, log)
	r.spool = spool.New(spool.Options{Bodies: r.bodies, Histories: r.submissions})
	r.keys, err = dkimkeys.New(master)
	return err
}

// Ring is the bell of store/tx.
func (r *rooms) Ring(c mail.StateChange) {
	r.realtime.Ring(c)
	if r.webPush != nil {
		r.webPush.Ring(c)
	}
}

// close closes top down.
func (r *rooms) close() error {
	var errs []error
	for len(r.closers) > 0 {
		last := len(r.closers) - 1
		errs = append(errs, r.closers[last]())
		r.closers = r.closers[:last]
	}
	return errors.Join(errs...)
}
