package node

import (
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/protocol/smtpserver"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func (r *rooms) newSubmission(hostname string, log *slog.Logger) *submission.Submission {
	return submission.New(submission.Options{
		Hostname: hostname, Tx: r.tx, Directory: r.directory, Mailbox: r.mailbox, Bodies: r.bodies, Spool: r.spool, Submissions: r.submissions,
		Contacts: r.contacts, Keys: r.keys, Delivery: r.newDelivery(),
		Forwarding: r.newForwarding(), Answers: r.answers, Tracking: r.tracking, Log: log,
	})
}

// submissionServer answers at both doors for mail from users.
func (n *Node) submissionServer(certificate *tls.Config) (*smtpserver.Server, error) {
	limits := smtpserver.Limits{MessageSize: int64(n.cfg.Limits.MessageSize), Recipients: submission.MaxTargets}
	return smtpserver.New(smtpserver.Options{Mode: smtpserver.Submission, Hostname: n.cfg.Hostname, TLS: certificate,
		Inbound: n.rooms.submission, Senders: n.rooms.submission, Auth: n.rooms.auth, Limits: limits, Observer: smtpMeters{n.meters}, Log: n.log, Gate: &n.service.gate})
}

func (n *Node) forgetSubmissions(ctx context.Context) error {
	for more := true; more; {
		err := n.rooms.tx.Write(ctx, nil, func(t *tx.Tx) (err error) { more, err = n.rooms.submissions.Forget(t); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) forgetRetried(ctx context.Context) error {
	return n.rooms.tx.Write(ctx, nil, n.rooms.spool.ForgetRetried)
}

func (n *Node) forgetKeys(ctx context.Context) error {
	return n.rooms.tx.Write(ctx, nil, n.rooms.keys.Forget)
}

// forgetTold forgets who was told that somebody is away, so long ago that he may be told again.
func (n *Node) forgetTold(ctx context.Context) error {
	for more := true; more; {
		err := n.rooms.tx.Write(ctx, nil, func(t *tx.Tx) (err error) { more, err = n.rooms.responses.Forget(t); return err })
		if err != nil {
			return err
		}
	}
	return nil
}
