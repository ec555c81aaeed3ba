package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

const (
	newest      = 24 // messages of a mailbox that an editor works on
	longHistory = 40 // operations on one message, after which it is left alone
	stay        = 40 // operations in one mailbox
)

// editor works on the newest messages of an account over IMAP.
type editor struct {
	imapClient
	mails    *message.Generator
	place    history.Place
	validity uint32
	left     int    // operations until it goes to another mailbox
	last     uint32 // the greatest UID that it has seen
	known    []held
}

// held is a message that the editor knows.
type held struct {
	uid uint32
	key history.Key
}

func (r *Run) editor(a, i int, account Account) {
	if len(r.targets.IMAP) == 0 {
		return
	}
	e := &editor{imapClient: r.imapClient("imap", a, i, account), mails: r.generator()}
	r.launch(&e.client, e.work)
}

func (e *editor) work(ctx context.Context) {
	defer e.quit()
	for e.goesOn() {
		if e.conn == nil {
			if e.connect(ctx, e.open) != nil {
				return
			}
			e.left = 0
		}
		e.step()
		e.rest()
	}
}

func (e *editor) step() {
	switch {
	case e.left <= 0:
		e.choose()
	case e.left%8 == 0 || len(e.known) == 0:
		e.look(fmt.Sprintf("%d:*", e.last+1))
		if len(e.known) == 0 && e.conn != nil {
			e.append()
		}
	default:
		e.edit()
	}
	e.left--
}

// choose opens a mailbox, mostly INBOX.
func (e *editor) choose() {
	e.place = history.Inbox
	if n := e.rand.IntN(10); n < 4 {
		e.place = []history.Place{history.Archive, history.Copies}[n%2]
	}
	e.known, e.last, e.left = nil, 0, stay
	next, highest := e.place.UIDNext(), e.place.HighestModSeq()
	floor := e.floors(next, highest)
	s, err := e.conn.Select(e.place.String())
	if err != nil {
		e.failed("SELECT", err)
		e.left = 0
		return
	}
	e.acknowledged()
	e.validity = s.UIDValidity
	e.run.recorder.Grown(e.name, e.account.Address, next, floor[0], uint64(s.UIDNext))
	e.run.recorder.Grown(e.name, e.account.Address, highest, floor[1], s.HighestModSeq)
	if s.Exists > 0 {
		e.look(fmt.Sprintf("%d:*", max(1, int(s.UIDNext)-3*newest)))
	}
}

func (e *editor) floors(of ...string) (floors []uint64) {
	for _, name := range of {
		floors = append(floors, e.run.recorder.Floor(e.account.Address, name))
	}
	return floors
}

// look learns of messages by their UIDs.
func (e *editor) look(uids string) {
	err := e.conn.Do("NOOP", nil)
	if err == nil {
		err = lines(e.conn, "UID FETCH "+uids+" (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", func(l line) {
			k := history.Key{Account: e.account.Address, Message: token(l.header)}
			if l.uid <= e.last || k.Message == "" || !e.run.mine(k.Message) {
				return
			}
			e.last = l.uid
			e.run.recorder.Named(e.name, e.place, e.validity, l.uid, k)
			e.known = append(e.known, held{l.uid, k})
		})
	}
	if err != nil && !gone(err) {
		e.failed("FETCH", err)
		return
	}
	e.acknowledged()
	e.known = e.known[max(0, len(e.known)-newest):]
}

// edit does one thing with one message.
func (e *editor) edit() {
	m := e.known[e.rand.IntN(len(e.known))]
	if e.run.recorder.Of(m.key) >= longHistory {
		e.forget(m)
		return
	}
	switch n := e.rand.IntN(100); {
	case n < 40:
		e.store(m)
	case n < 70:
		e.read(m)
	case n < 76:
		e.remove(m)
	case n < 86 && e.place != history.Copies && !e.run.removed.has(m.key):
		e.move(m)
	case n < 90 && e.place != history.Copies && !e.run.removed.has(m.key):
		e.copy(m)
	case n < 94:
		e.status()
	default:
		e.append()
	}
}

func (e *editor) forget(m held) {
	e.known = slices.DeleteFunc(e.known, func(k held) bool { return k == m })
}

// did takes down an operation on a message.
func (e *editor) did(m held, o history.Operation, err error, call time.Duration) {
	o.From, o.UID = e.place, m.uid
	if err != nil {
		o.Outcome = e.failed(o.Kind.String(), err)
	}
	e.add(m.key, o, call)
	if o.Outcome == history.Acknowledged && o.Kind != history.Delete && !o.Found {
		e.forget(m)
	}
}

// some is one flag or two.
func (c *client) some() history.Flags {
	one, other := c.rand.IntN(4), c.rand.IntN(4)
	return history.Flags(1<<one | 1<<other)
}

func (e *editor) store(m held) {
	o := history.Operation{Kind: history.Store}
	command := ""
	switch flags := e.some(); e.rand.IntN(5) {
	case 0: // of those that the load does not use the message has none
		o.Whole, o.Add, o.Clear, command = true, flags, history.AllFlags&^flags, "FLAGS ("+flags.IMAP()+")"
	case 1, 2:
		o.Clear, command = flags, "-FLAGS ("+flags.IMAP()+")"
	default:
		o.Add, command = flags, "+FLAGS ("+flags.IMAP()+")"
	}
	call := e.run.recorder.Now()
	err := lines(e.conn, fmt.Sprintf("UID STORE %d %s", m.uid, command), func(l line) {
		o.Found = o.Found || l.uid == m.uid && l.hasFlag
	})
	e.did(m, o, err, call)
}

func (e *editor) read(m held) {
	o := history.Operation{Kind: history.ReadIn}
	call := e.run.recorder.Now()
	err := e.conn.Do("NOOP", nil)
	if err == nil {
		err = lines(e.conn, fmt.Sprintf("UID FETCH %d (UID FLAGS)", m.uid), func(l line) {
			if l.uid == m.uid && l.hasFlag {
				o.Found, o.Saw = true, l.flags
			}
		})
	}
	if gone(err) {
		err = nil
	}
	e.did(m, o, err, call)
}

// gone says that a message was expunged by somebody else (RFC 9051 7.1).
func gone(err error) bool {
	var status *imap.StatusError
	return errors.As(err, &status) && status.Status == "NO" && hasCode(status, "EXPUNGEISSUED")
}

// remove sets \Deleted and expunges. From now on nobody moves the message: in a mailbox where it has \Deleted it would be a
// second email.
func (e *editor) remove(m held) {
	e.run.removed.first(m.key)
	call := e.run.recorder.Now()
	err := e.conn.Do(fmt.Sprintf(`UID STORE %d +FLAGS.SILENT (\Deleted)`, m.uid), nil)
	e.did(m, history.Operation{Kind: history.Delete}, err, call)
	if err == nil {
		call = e.run.recorder.Now()
		err = e.conn.Do(fmt.Sprintf("UID EXPUNGE %d", m.uid), nil)
		e.did(m, history.Operation{Kind: history.Expunge}, err, call)
	}
	e.forget(m)
}

func (e *editor) move(m held) {
	o := history.Operation{Kind: history.Move, To: history.Inbox + history.Archive - e.place}
	e.run.moved.first(m.key)
	floor := e.floors(o.To.UIDNext())[0]
	call := e.run.recorder.Now()
	var told []uint32
	err := e.conn.Do(fmt.Sprintf("UID MOVE %d %s", m.uid, o.To), func(r imap.Response) error {
		if code, ok := r.Code("COPYUID"); ok && r.Is("OK") {
			told = numbers(code)
		}
		return nil
	})
	e.moved(m, o, told, floor, err, call)
	e.forget(m)
}

// copy copies a message once, whoever does it.
func (e *editor) copy(m held) {
	if !e.run.copied.first(m.key) {
		return
	}
	floor := e.floors(history.Copies.UIDNext())[0]
	call := e.run.recorder.Now()
	err := e.conn.Do(fmt.Sprintf("UID COPY %d %s", m.uid, history.Copies), nil)
	code, _ := e.conn.Completion().Code("COPYUID")
	e.moved(m, history.Operation{Kind: history.Copy, To: history.Copies}, numbers(code), floor, err, call)
}

// moved reads what COPYUID told (RFC 9051 7.1): UIDVALIDITY, UIDs here, UIDs there.
func (e *editor) moved(m held, o history.Operation, told []uint32, floor uint64, err error, call time.Duration) {
	if len(told) == 3 && err == nil {
		o.Found, o.NewUID = true, told[2]
		e.run.recorder.Assigned(e.name, o.To, told[0], o.NewUID, m.key, floor)
	}
	e.did(m, o, err, call)
}

// status compares numbers with what was told before.
func (e *editor) status() {
	p := []history.Place{history.Inbox, history.Archive, history.Copies}[e.rand.IntN(3)]
	next, highest := p.UIDNext(), p.HighestModSeq()
	floor := e.floors(next, highest)
	got, err := e.conn.Status(p.String(), "UIDNEXT", "HIGHESTMODSEQ")
	if err != nil {
		e.failed("STATUS", err)
		return
	}
	e.acknowledged()
	e.run.recorder.Grown(e.name, e.account.Address, next, floor[0], got["UIDNEXT"])
	e.run.recorder.Grown(e.name, e.account.Address, highest, floor[1], got["HIGHESTMODSEQ"])
}

// append delivers a message to INBOX.
func (e *editor) append() {
	m := e.mails.Next(stranger, e.account.Address, "")
	k := history.Key{Account: e.account.Address, Message: m.ID.String()}
	o := history.Operation{Kind: history.Deliver, To: history.Inbox, Add: e.some()}
	floor := e.floors(o.To.UIDNext())[0]
	call := e.run.recorder.Now()
	a := e.conn.Appender(history.Inbox.String())
	err := a.Add(o.Add.IMAP(), m.Header, m.Body, m.Tail)
	if err == nil {
		err = a.Flush()
	}
	if err != nil {
		o.Outcome = e.failed("APPEND", err)
	} else if code, ok := e.conn.Completion().Code("APPENDUID"); ok {
		if told := numbers(code); len(told) == 2 {
			o.NewUID = told[1]
			e.run.recorder.Assigned(e.name, o.To, told[0], told[1], k, floor)
		}
	}
	e.add(k, o, call)
}
