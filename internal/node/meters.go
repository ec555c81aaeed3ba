package node

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/metrics"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/smtpserver"
)

// meters join what rooms and doors observe to metrics. All names of metrics stand here.
type meters struct {
	registry *metrics.Registry

	commitSeconds  metrics.Histogram
	commitClosures metrics.Histogram
	commitFailures metrics.Counter
	retries        metrics.Counter
	syncSeconds    metrics.Histogram
	syncBodies     metrics.Histogram
	bodyBytes      metrics.Counter
	s3Seconds      metrics.Histogram

	bellSeconds   metrics.Histogram
	bellRecovered metrics.Counter
	pushSeconds   metrics.Histogram
	webPushes     metrics.Counter

	signals       metrics.Counter
	here          metrics.Gauge
	sessions      metrics.Gauge
	underWay      metrics.Gauge
	accepted      metrics.Counter
	delivered     metrics.Counter
	acceptedBytes metrics.Counter
	acceptSeconds metrics.Histogram
	refused       metrics.Counter
	turnedAway    metrics.Counter

	outboundSessions metrics.Counter

	nodes        metrics.Gauge
	eventsBack   metrics.Gauge
	eventSeconds metrics.Histogram
	standbys     metrics.Gauge
	standbyBytes metrics.Gauge

	indexed      metrics.Counter
	indexSeconds metrics.Histogram
	indexWaiting metrics.Gauge

	queueTaken     metrics.Counter
	queueRunning   metrics.Gauge
	queueEnded     metrics.Counter
	queueDelivery  metrics.Histogram
	queueCommit    metrics.Histogram
	queueCommitted metrics.Histogram
	queuePostponed metrics.Counter
	queueLost      metrics.Counter
	queueTakenOver metrics.Counter
	queueWaited    metrics.Histogram

	signIns      metrics.Counter
	commands     metrics.Histogram
	pop3Commands metrics.Histogram
	jmapCalls    metrics.Histogram
	retrieved    metrics.Counter
	removed      metrics.Counter
}

func newMeters() *meters {
	r := metrics.New()
	m := &meters{
		registry:         r,
		commitSeconds:    r.Histogram("commit_seconds", "Time of one database commit, its sync included.", metrics.Latencies),
		commitClosures:   r.Histogram("commit_closures", "Units of work that shared a commit.", metrics.Sizes),
		commitFailures:   r.Counter("commit_failures_total", "Commits that failed or whose answer was lost."),
		retries:          r.Counter("write_retries_total", "Units of work that ran again.", "reason"),
		syncSeconds:      r.Histogram("body_sync_seconds", "Time of one sync of a pack.", metrics.Latencies),
		syncBodies:       r.Histogram("body_sync_bodies", "Bodies that shared a sync.", metrics.Sizes),
		bodyBytes:        r.Counter("body_bytes_total", "Sealed bytes of bodies written."),
		s3Seconds:        r.Histogram("s3_request_seconds", "Time of a request to the S3 service that keeps bodies, by how it ended: ok, unavailable (it is tried again), not found.", metrics.Latencies, "operation", "result"),
		bellSeconds:      r.Histogram("notice_seconds", "Time from a commit to a watcher of the account.", metrics.Latencies),
		bellRecovered:    r.Counter("notices_recovered_total", "Accounts whose notice was lost and found by asking the store."),
		pushSeconds:      r.Histogram("push_seconds", "Time from the commit of a change until a client was told.", metrics.Latencies, "client"),
		webPushes:        r.Counter("web_pushes_total", "Messages to push services, by what became of them: sent, gone (the subscription was removed), failed.", "result"),
		signals:          r.Counter("signals_total", "Signals of typing and reading, by what became of them: passed, nobody (may hear of it), dropped.", "result"),
		here:             r.Gauge("accounts_here", "Accounts with a client that hears who is there."),
		sessions:         r.Gauge("sessions", "Open sessions.", "protocol"),
		underWay:         r.Gauge("requests_under_way", "Commands and requests that are being carried out. Who only waits for news (IDLE, event sources, WebSockets) has none.", "protocol"),
		accepted:         r.Counter("messages_accepted_total", "Messages answered 250.", "protocol"),
		delivered:        r.Counter("recipients_delivered_total", "Recipients of accepted messages.", "protocol"),
		acceptedBytes:    r.Counter("accepted_bytes_total", "Bytes of accepted messages.", "protocol"),
		acceptSeconds:    r.Histogram("accept_seconds", "Time from the last byte of a message to its 250.", metrics.Latencies, "protocol"),
		refused:          r.Counter("refused_total", "Commands answered 4yz or 5yz.", "protocol", "command", "reason"),
		turnedAway:       r.Counter("connections_turned_away_total", "IMAP and POP3 connections that found no place.", "protocol", "reason"),
		outboundSessions: r.Counter("outbound_sessions_total", "What mail to other hosts went over: a new connection under tls or in clear, one that was reused; or failed.", "kind"),
		nodes:            r.Gauge("nodes", "Nodes that live, by what they are at, as this one sees them.", "state"),
		eventsBack:       r.Gauge("nodes_reached", "Other nodes from which an event came back when that was last measured, every 15 seconds."),
		eventSeconds:     r.Histogram("event_round_trip_seconds", "Time of an event to another node and back, measured every 15 seconds.", metrics.Latencies),
		standbys:         r.Gauge("database_standbys", "Servers that copy the database, by whether a commit waits for them.", "waited_for"),
		standbyBytes:     r.Gauge("database_standby_behind_bytes", "What the primary has written and the slowest standby has not on its disk."),
		queueTaken:       r.Counter("queue_taken_total", "Messages that the queue took from the spool."),
		queueRunning:     r.Gauge("queue_deliveries", "Deliveries under way."),
		queueEnded:       r.Counter("queue_recipients_total", "Recipients whose attempt has ended, by what became of it.", "event"),
		queueDelivery:    r.Histogram("queue_delivery_seconds", "Time of one delivery.", metrics.Latencies),
		queueCommit:      r.Histogram("queue_commit_seconds", "Time of a commit of results.", metrics.Latencies),
		queueCommitted:   r.Histogram("queue_commit_messages", "Messages whose results shared a commit.", metrics.Sizes),
		queuePostponed:   r.Counter("queue_postponed_total", "Recipients put off without an attempt, because their destination takes nothing."),
		queueLost:        r.Counter("queue_lease_lost_total", "Recipients whose result came too late to be written; relayed: another host may get the message twice.", "relayed"),
		queueTakenOver:   r.Counter("queue_taken_over_total", "Recipients taken over from a node that has ended."),
		queueWaited:      r.Histogram("queue_waited_seconds", "Time from when a recipient was due until it was taken.", metrics.Latencies),
		indexed:          r.Counter("index_messages_total", "Messages added to the text index."),
		indexSeconds:     r.Histogram("index_seconds", "Time of adding some messages to the text index.", metrics.Latencies),
		indexWaiting:     r.Gauge("index_accounts_waiting", "Accounts with changes that the text index has not seen."),
		signIns:          r.Counter("sign_ins_total", "Attempts to sign in.", "protocol", "mechanism", "result"),
		commands:         r.Histogram("imap_command_seconds", "Time of an IMAP command, without waiting for the client.", metrics.Latencies, "command", "answer"),
		pop3Commands:     r.Histogram("pop3_command_seconds", "Time of a POP3 command, without waiting for the client.", metrics.Latencies, "command", "answer"),
		jmapCalls:        r.Histogram("jmap_call_seconds", "Time of a call of a JMAP method, by how it ended: ok, or the type of the error.", metrics.Latencies, "method", "result"),
		retrieved:        r.Counter("pop3_retrieved_bytes_total", "Bytes of messages sent over POP3, by sessions that have ended."),
		removed:          r.Counter("pop3_deleted_total", "Messages deleted over POP3."),
	}
	for _, protocol := range protocols {
		m.underWay.Set(0, protocol)
	}
	return m
}

// protocols are those of requests_under_way, which shows each from the start: who looks for 0 must not find nothing.
var protocols = []string{string(smtpserver.MX), string(smtpserver.LMTP), string(smtpserver.Submission), "imap", "pop3", "http"}

// Commit and Retry are db.Observer's.
func (m *meters) Commit(closures int, took time.Duration, err error) {
	m.commitSeconds.Time(took)
	m.commitClosures.Observe(float64(closures))
	if err != nil {
		m.commitFailures.Add(1)
	}
}

func (m *meters) Retry(reason string) { m.retries.Add(1, reason) }

func (m *meters) packBatch(b pack.Batch) {
	m.syncSeconds.Time(b.Sync)
	m.syncBodies.Observe(float64(b.Bodies))
	m.bodyBytes.Add(int(b.Bytes))
}

func (m *meters) s3Attempt(operation string, err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = string(mail.KindOf(err))
	}
	m.s3Seconds.Time(took, operation, result)
}

// Delay and Recovered are realtime.Observer's.
func (m *meters) Delay(d time.Duration) { m.bellSeconds.Time(d) }

func (m *meters) Recovered(accounts int) { m.bellRecovered.Add(accounts) }

// Indexed and Behind are search.Observer's.
func (m *meters) Indexed(emails int, took time.Duration) {
	m.indexed.Add(emails)
	m.indexSeconds.Time(took)
}

func (m *meters) Behind(accounts int) { m.indexWaiting.Set(float64(accounts)) }

// smtpMeters are what an SMTP or LMTP door observes.
type smtpMeters struct{ *meters }

func (m smtpMeters) SessionStarted(mode smtpserver.Mode) { m.sessions.Add(1, string(mode)) }
func (m smtpMeters) SessionEnded(mode smtpserver.Mode)   { m.sessions.Add(-1, string(mode)) }
func (m smtpMeters) CommandStarted(mode smtpserver.Mode) { m.underWay.Add(1, string(mode)) }
func (m smtpMeters) CommandEnded(mode smtpserver.Mode)   { m.underWay.Add(-1, string(mode)) }

func (m smtpMeters) Accepted(mode smtpserver.Mode, recipients int, size int64, took time.Duration) {
	m.accepted.Add(1, string(mode))
	m.delivered.Add(recipients, string(mode))
	m.acceptedBytes.Add(int(size), string(mode))
	m.acceptSeconds.Time(took, string(mode))
}

// Refused counts by the reply's enhanced code, of which there are few.
func (m smtpMeters) Refused(mode smtpserver.Mode, command string, r mail.Reply) {
	m.refused.Add(1, string(mode), command, r.Enhanced.String())
}

func (m smtpMeters) SignedIn(mode smtpserver.Mode, mechanism string) {
	m.signIns.Add(1, string(mode), mechanism, "ok")
}

func (m smtpMeters) SignInFailed(mode smtpserver.Mode, mechanism string, why mail.Kind) {
	m.signIns.Add(1, string(mode), mechanism, string(why))
}

// imapMeters are what the IMAP door observes.
type imapMeters struct{ *meters }

func (m imapMeters) SessionStarted()           { m.sessions.Add(1, "imap") }
func (m imapMeters) Told(after time.Duration)  { m.pushSeconds.Time(after, "imap") }
func (m imapMeters) SessionEnded()             { m.sessions.Add(-1, "imap") }
func (m imapMeters) CommandStarted()           { m.underWay.Add(1, "imap") }
func (m imapMeters) CommandEnded()             { m.underWay.Add(-1, "imap") }
func (m imapMeters) SignedIn(mechanism string) { m.signIns.Add(1, "imap", mechanism, "ok") }

func (m imapMeters) SignInFailed(mechanism string, why mail.Kind) {
	m.signIns.Add(1, "imap", mechanism, string(why))
}

func (m imapMeters) TurnedAway(why string) { m.turnedAway.Add(1, "imap", why) }

func (m imapMeters) Command(name, condition string, took time.Duration) {
	m.commands.Time(took, name, condition)
}

// jmapMeters are what the JMAP door observes. Every request signs in.
type jmapMeters struct{ *meters }

func (m jmapMeters) SignedIn(scheme string) { m.signIns.Add(1, "jmap", scheme, "ok") }
func (m jmapMeters) SignInFailed(scheme string, why mail.Kind) {
	m.signIns.Add(1, "jmap", scheme, string(why))
}

func (m jmapMeters) Called(name, result string, d time.Duration) { m.jmapCalls.Time(d, name, result) }

// webMeters are what the web client's door observes: passwords that were given there.
type webMeters struct{ *meters }

func (m webMeters) SignedIn()                  { m.signIns.Add(1, "web", "password", "ok") }
func (m webMeters) SignInFailed(why mail.Kind) { m.signIns.Add(1, "web", "password", string(why)) }

// pop3Meters are what the POP3 door observes.
type pop3Meters struct{ *meters }

func (m pop3Meters) SessionStarted()           { m.sessions.Add(1, "pop3") }
func (m pop3Meters) SessionEnded()             { m.sessions.Add(-1, "pop3") }
func (m pop3Meters) CommandStarted()           { m.underWay.Add(1, "pop3") }
func (m pop3Meters) CommandEnded()             { m.underWay.Add(-1, "pop3") }
func (m pop3Meters) SignedIn(mechanism string) { m.signIns.Add(1, "pop3", mechanism, "ok") }

func (m pop3Meters) SignInFailed(mechanism string, why mail.Kind) {
	m.signIns.Add(1, "pop3", mechanism, string(why))
}

func (m pop3Meters) TurnedAway(why string) { m.turnedAway.Add(1, "pop3", why) }

func (m pop3Meters) Command(name string, ok bool, took time.Duration) {
	answer := "ERR"
	if ok {
		answer = "OK"
	}
	m.pop3Commands.Time(took, name, answer)
}

func (m pop3Meters) Retrieved(octets int64, deleted int) {
	m.retrieved.Add(int(octets))
	m.removed.Add(deleted)
}
