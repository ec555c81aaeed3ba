package mailbox

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// counters is what messages add to the row of their mailbox.
type counters struct{ messages, unseen, unread, deleted, bytes int64 }

// countersOf returns what one message counts.
func countersOf(flags mail.Flag, size int64) counters {
	c := counters{messages: 1, bytes: size}
	if flags&mail.Seen == 0 {
		c.unseen = 1
	}
	if flags&mail.Deleted != 0 {
		c.deleted = 1
	}
	if flags&(mail.Seen|mail.Draft|mail.Deleted) == 0 {
		c.unread = 1
	}
	return c
}

func (c *counters) add(d counters) {
	c.messages += d.messages
	c.unseen += d.unseen
	c.unread += d.unread
	c.deleted += d.deleted
	c.bytes += d.bytes
}

func (c *counters) sub(d counters) {
	c.messages -= d.messages
	c.unseen -= d.unseen
	c.unread -= d.unread
	c.deleted -= d.deleted
	c.bytes -= d.bytes
}

// touch writes what changed in the messages of a mailbox to its row: every change of a message ends here. uids is how
// many were given, modseq the last number of the changes.
func touch(t *tx.Tx, account mail.AccountID, id mail.MailboxID, uids int, delta counters, modseq mail.ModSeq) {
	t.SQL().QueueText(&touchText, account, id, uids, modseq, delta.messages, delta.unseen, delta.unread, delta.deleted, delta.bytes)
}

// touchedMailboxes collects what work on many messages changes in mailboxes.
type touchedMailboxes map[mail.MailboxID]*touched

type touched struct {
	delta  counters
	uids   int
	modseq mail.ModSeq
}

func (m touchedMailboxes) add(id mail.MailboxID, delta counters, modseq mail.ModSeq) *touched {
	at := m[id]
	if at == nil {
		at = new(touched)
		m[id] = at
	}
	at.delta.add(delta)
	at.modseq = modseq
	return at
}

func (m touchedMailboxes) write(t *tx.Tx, account mail.AccountID) {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		at := m[id]
		touch(t, account, id, at.uids, at.delta, at.modseq)
	}
}

// use writes what emails, each counted once, take of the account's quota.
func use(t *tx.Tx, account mail.AccountID, messages, bytes int64) {
	if messages != 0 || bytes != 0 {
		t.SQL().QueueText(&useText, account, messages, bytes)
	}
}

// Count returns how many mailboxes an account has.
func (s *Store) Count(t *tx.Tx, account mail.AccountID) (n int64, err error) {
	err = t.SQL().QueryRow(`SELECT COUNT(*) FROM mailbox WHERE account_id = $1 AND parent_id >= 0`, account).Scan(&n)
	return n, err
}

// DeletedBytes returns for each of some mailboxes the size of the messages that have \Deleted. A mailbox that has none is left out.
func (s *Store) DeletedBytes(t *tx.Tx, account mail.AccountID, list []Mailbox) (map[mail.MailboxID]int64, error) {
	var ids []mail.MailboxID
	for i := range list {
		if list[i].Deleted > 0 {
			ids = append(ids, list[i].ID)
		}
	}
	return numbersOf(t, `SELECT mailbox_id, CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM membership
		WHERE account_id = $1 AND (flags & $2) <> 0 AND mailbox_id %s GROUP BY mailbox_id`, []any{account, mail.Deleted}, ids)
}

// CheckQuota returns a mail.OverQuota error when messages more messages of together bytes more bytes do not fit into the
// account. It is asked before data is taken (at RCPT, at APPEND); nothing fails after that.
func (s *Store) CheckQuota(t *tx.Tx, account mail.AccountID, messages, bytes int64) error {
	var maxBytes, maxMessages, usedBytes, usedMessages int64
	err := t.SQL().QueryRow(`SELECT quota_bytes, quota_messages, used_bytes, used_messages FROM account WHERE id = $1`, account).
		Scan(&maxBytes, &maxMessages, &usedBytes, &usedMessages)
	if err != nil {
		return notFound("mailbox.CheckQuota", err)
	}
	const op = "mailbox.CheckQuota"
	switch {
	case maxBytes > 0 && usedBytes+bytes > maxBytes:
		return mail.E(op, mail.OverQuota, fmt.Errorf("%d of %d bytes are in use", usedBytes, maxBytes))
	case maxMessages > 0 && usedMessages+messages > maxMessages:
		return mail.E(op, mail.OverQuota, fmt.Errorf("%d of %d messages are in use", usedMessages, maxMessages))
	}
	return nil
}
