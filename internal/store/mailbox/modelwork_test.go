package mailbox

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The work of actors: each commit on the rows and on the model, and the two said the same.

// dealt lists the messages of a mailbox that a step has dealt with: those of uids that are not in rest.
func (b *modelBox) dealt(uids, rest imap.Set) (list []*modelMessage) {
	done := uids.Subtract(rest)
	for _, m := range b.messages {
		if done.Contains(uint32(m.uid)) {
			list = append(list, m)
		}
	}
	return list
}

// commit runs a step. A mailbox that was deleted meanwhile ends the work.
func (x *run) commit(t *rapid.T, gone bool, fn func(*tx.Tx) error) (ok bool) {
	err := x.write(x.account, fn)
	if gone != mail.Is(err, mail.NotFound) || err != nil && !gone {
		t.Fatalf("a step: %v; mailbox gone: %v", err, gone)
	}
	return err == nil
}

func (x *run) storing(t *rapid.T) func(*rapid.T) bool {
	id := x.box(t, "store in")
	uids := x.uids(t, id)
	c := FlagChange{Op: FlagOp(rapid.IntRange(0, 2).Draw(t, "op")), Flags: drawFlags(t)}
	if c.Conditional = rapid.Bool().Draw(t, "conditional"); c.Conditional {
		c.UnchangedSince = mail.ModSeq(rapid.IntRange(0, int(x.state)).Draw(t, "unchanged since"))
	}
	return func(t *rapid.T) bool {
		b := x.boxes[id]
		var out flagStep
		if !x.commit(t, b.path == "", func(t *tx.Tx) (err error) {
			out, err = x.storeFlags(t, x.account, id, uids, c)
			return err
		}) {
			return false
		}
		var modified imap.Set
		for _, m := range b.dealt(uids, out.Rest) {
			if c.Conditional && x.rows[place{id, m.uid}].modseq > c.UnchangedSince {
				modified.Add(uint32(m.uid))
				continue
			}
			f := x.flags(m)
			switch c.Op {
			case SetFlags:
				f = c.Flags
			case AddFlags:
				f = f.Add(c.Flags)
			case RemoveFlags:
				f = f.Remove(c.Flags)
			}
			m.deleted = f.Bits&mail.Deleted != 0
			f.Bits &^= mail.Deleted
			x.emails[m.email].flags = f
		}
		if modified.String() != out.Modified.String() {
			t.Fatalf("modified %s, want %s", out.Modified, modified)
		}
		uids = out.Rest
		return len(uids) > 0
	}
}

// arrived checks where a step of copying or moving put messages and takes them into the target.
func (x *run) arrived(t *rapid.T, to mail.MailboxID, dealt []*modelMessage, out Copied, fresh func(*modelMessage) bool) {
	b := x.boxes[to]
	var source, target imap.Set
	rows, _ := x.read1()
	for _, m := range dealt {
		uid := b.next
		b.next++
		source.Add(uint32(m.uid))
		target.Add(uint32(uid))
		email := rows[place{to, uid}].email
		switch was := x.emails[m.email]; {
		case fresh(m) && (email == 0 || x.emails[email] != nil):
			t.Fatalf("uid %d is email %v, want a new one", uid, email)
		case fresh(m):
			like := *was
			x.emails[email] = &like
		case email != m.email:
			t.Fatalf("uid %d is email %v, want %v", uid, email, m.email)
		}
		b.messages = append(b.messages, &modelMessage{uid, email, m.deleted})
	}
	if out.Source.String() != source.String() || out.Target.String() != target.String() || out.UIDValidity != b.validity {
		t.Fatalf("went from %s to %s (%d), want from %s to %s (%d)", out.Source, out.Target, out.UIDValidity, source, target, b.validity)
	}
}

func (x *run) copying(t *rapid.T) func(*rapid.T) bool {
	from, to := x.box(t, "copy from"), x.box(t, "copy to")
	uids := x.uids(t, from)
	giveUpAfter := rapid.IntRange(1, 6).Draw(t, "give up after")
	var job int64
	var made imap.Set
	return func(t *rapid.T) bool {
		src, dst := x.boxes[from], x.boxes[to]
		if giveUpAfter--; giveUpAfter < 0 && job != 0 {
			x.undo(t, to, job, made)
			return false
		}
		var step copyStep
		if !x.commit(t, src.path == "" || dst.path == "", func(t *tx.Tx) (err error) {
			if step, err = x.copy(t, x.account, from, to, uids); err != nil {
				return err
			}
			all := append(slices.Clone(made), step.Target...).Resolve(0)
			step.Job, err = noteCopy(t, x.account, job, to, all, len(step.Rest) > 0)
			return err
		}) {
			if job != 0 {
				x.undo(t, to, job, made)
			}
			return false
		}
		held := make(map[mail.EmailID]bool)
		for _, m := range dst.messages {
			held[m.email] = true
		}
		x.arrived(t, to, src.dealt(uids, step.Rest), step.Copied, func(m *modelMessage) bool { return held[m.email] })
		made = append(made, step.Target...).Resolve(0)
		uids, job = step.Rest, step.Job
		return len(uids) > 0
	}
}

// undo gives up a copy: nothing of what it made is left.
func (x *run) undo(t *rapid.T, to mail.MailboxID, job int64, made imap.Set) {
	if err := x.undoCopy(x.t.Context(), x.account, job); err != nil {
		t.Fatal(err)
	}
	b := x.boxes[to]
	for _, m := range slices.Clone(b.messages) {
		if made.Contains(uint32(m.uid)) {
			b.remove(m)
		}
	}
}

func (x *run) moving(t *rapid.T) func(*rapid.T) bool {
	from, to := x.box(t, "move from"), x.box(t, "move to")
	uids := x.uids(t, from).Intersect(imap.Set{{Start: 1, Stop: uint32(x.boxes[from].next)}})
	return func(t *rapid.T) bool {
		src, dst := x.boxes[from], x.boxes[to]
		var step copyStep
		if !x.commit(t, src.path == "" || dst.path == "", func(t *tx.Tx) (err error) {
			step, err = x.move(t, x.account, from, to, uids)
			return err
		}) {
			return false
		}
		dealt := src.dealt(uids, step.Rest)
		held := make(map[mail.EmailID]bool)
		for _, m := range dst.messages {
			held[m.email] = from != to
		}
		x.arrived(t, to, dealt, step.Copied, func(m *modelMessage) bool { return held[m.email] })
		for _, m := range dealt {
			src.remove(m)
		}
		uids = step.Rest
		return len(uids) > 0
	}
}

func (x *run) expunging(t *rapid.T) func(*rapid.T) bool {
	id := x.box(t, "expunge")
	uids := x.uids(t, id)
	return func(t *rapid.T) bool {
		b := x.boxes[id]
		var rest imap.Set
		var n int
		if !x.commit(t, b.path == "", func(t *tx.Tx) (err error) {
			if _, err := x.ByID(t, x.account, id); err != nil {
				return err
			}
			n, rest, err = x.removeStep(t, x.account, id, uids, func(m *member) bool { return m.flags&mail.Deleted != 0 }, true)
			return err
		}) {
			return false
		}
		for _, m := range b.dealt(uids, rest) {
			if m.deleted {
				b.remove(m)
				n--
			}
		}
		if n != 0 {
			t.Fatalf("%d messages too many were expunged", n)
		}
		uids = rest
		return len(uids) > 0
	}
}

func (x *run) deleting(t *rapid.T) func(*rapid.T) bool {
	id := x.box(t, "delete")
	b := x.boxes[id]
	for _, o := range x.boxes {
		if b.path == Inbox || o != b && len(o.path) > len(b.path) && o.path[:len(b.path)+1] == b.path+Separator {
			return nil // tested elsewhere
		}
	}
	left := true
	if err := x.write(x.account, func(t *tx.Tx) error { return x.doom(t, x.account, id) }); err != nil {
		t.Fatal(err)
	}
	b.path = ""
	return func(t *rapid.T) bool {
		if err := x.write(x.account, func(t *tx.Tx) (err error) {
			left, err = x.emptyStep(t, x.account, id)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		rows, _ := x.read1()
		for _, m := range slices.Clone(b.messages) { // the lowest go first
			if _, ok := rows[place{id, m.uid}]; ok {
				break
			}
			b.remove(m)
		}
		if !left && len(b.messages) > 0 {
			t.Fatalf("%d messages are left in a mailbox that is done with", len(b.messages))
		}
		return left
	}
}
