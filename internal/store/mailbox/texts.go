package mailbox

import "github.com/mailmesh/mailmesh/internal/infra/db"

// What each delivery asks and writes.
var (
	inboxText = db.Text{
		One: `SELECT id, uidnext, uidvalidity, role FROM mailbox WHERE account_id = $1 AND role = $2 AND parent_id >= 0`,
		Many: `SELECT of.n, m.id, m.uidnext, m.uidvalidity, m.role FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS of (account_id, role, n)
			JOIN mailbox m ON m.account_id = of.account_id AND m.role = of.role AND m.parent_id >= 0`,
	}
	threadText = db.Text{
		One: `SELECT hash, thread_id, ` + isMuted + ` FROM thread_ref r WHERE account_id = $1 AND hash = $2`,
		Many: `SELECT of.n, r.hash, r.thread_id, ` + isMuted + ` FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS of (account_id, hash, n)
			JOIN thread_ref r ON r.account_id = of.account_id AND r.hash = of.hash`,
	}
	threadRefText = db.Text{
		One: `INSERT INTO thread_ref (account_id, hash, thread_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		Many: `INSERT INTO thread_ref (account_id, hash, thread_id)
			SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) ON CONFLICT DO NOTHING`,
	}
	emailText = db.Text{
		One: insertEmail + ` VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		Many: insertEmail + ` SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bigint[],
			$7::bigint[], $8::bytea[])`,
	}
	membershipText = db.Text{
		One: insertMembership + ` VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		Many: insertMembership + ` SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
			$7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])`,
	}
	touchText = db.Text{
		One: `UPDATE mailbox SET uidnext = uidnext + $3, modseq = $4, messages = messages + $5, unseen = unseen + $6,
			unread = unread + $7, deleted = deleted + $8, bytes = bytes + $9 WHERE account_id = $1 AND id = $2`,
		Many: `UPDATE mailbox m SET uidnext = uidnext + d.uids, modseq = d.modseq, messages = m.messages + d.messages, unseen = m.unseen + d.unseen,
			unread = m.unread + d.unread, deleted = m.deleted + d.deleted, bytes = m.bytes + d.bytes
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
				AS d (account_id, id, uids, modseq, messages, unseen, unread, deleted, bytes)
			WHERE m.account_id = d.account_id AND m.id = d.id`,
	}
	useText = db.Text{
		One: `UPDATE account SET used_messages = used_messages + $2, used_bytes = used_bytes + $3 WHERE id = $1`,
		Many: `UPDATE account a SET used_messages = a.used_messages + d.messages, used_bytes = a.used_bytes + d.bytes
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS d (id, messages, bytes) WHERE a.id = d.id`,
	}
)

const (
	insertEmail      = `INSERT INTO email (account_id, id, thread_id, blob_id, size, received, created_modseq, summary)`
	insertMembership = `INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved,
		thread_id, sent, attachment)`
)
