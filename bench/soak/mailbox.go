package soak

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
)

// view is one mailbox as it is being checked.
type view struct {
	c       *checker
	account string
	conn    *imap.Conn
	before  *MailboxState // of the last check; empty when there was none
	now     *MailboxState
	sizes   map[uint32]uint32
	order   []uint32
	unseen  int
	bytes   uint64
}

func (c *checker) mailbox(ctx context.Context, account, password string) (*MailboxState, error) {
	opts := c.IMAP
	opts.Username, opts.Password = account, password
	conn, err := imap.Dial(ctx, c.Addr, opts)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	v := &view{
		c: c, account: account, conn: conn, before: c.state.Mailboxes[account],
		now: &MailboxState{UIDs: map[uint32]string{}}, sizes: map[uint32]uint32{},
	}
	if v.before == nil {
		v.before = &MailboxState{}
	}
	return v.now, v.check()
}

func (v *view) check() error {
	items := []string{"MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY"}
	if v.conn.Offers("STATUS=SIZE") {
		items = append(items, "SIZE")
	}
	if v.conn.Offers("CONDSTORE") {
		items = append(items, "HIGHESTMODSEQ")
	}
	status, err := v.conn.Status("INBOX", items...)
	if err != nil {
		return err
	}
	selected, err := v.conn.Examine("INBOX")
	if err != nil {
		return err
	}
	if err := v.list(); err != nil {
		return err
	}
	v.counters(status, selected)
	v.compare()
	return v.bodies()
}

func (v *view) problem(kind, format string, args ...any) {
	v.c.problem(kind, v.account, format, args...)
}

// list reads what is in the mailbox, without bodies.
func (v *view) list() error {
	if v.conn.Exists == 0 {
		return nil
	}
	const command = "FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
	return v.conn.Do(command, func(r imap.Response) error {
		if !r.Is("FETCH") {
			return nil
		}
		return v.listed(r)
	})
}

func (v *view) listed(r imap.Response) (err error) {
	var uid, size uint32
	seen, name := false, ""
	it := r.Items()
	for it.Next() {
		switch string(it.Name) {
		case "UID":
			uid, err = imap.Number(it.Value)
		case "RFC822.SIZE":
			size, err = imap.Number(it.Value)
		case "FLAGS":
			seen = imap.HasFlag(it.Value, `\Seen`)
		default:
			name, err = messageID(it.Value)
		}
		if err != nil {
			return err
		}
	}
	if it.Err() != nil || uid == 0 {
		return fmt.Errorf("message %d was answered without a UID: %w", r.Num, it.Err())
	}
	if n := len(v.order); n > 0 && uid <= v.order[n-1] {
		v.problem(UIDOrder, "UID %d follows %d", uid, v.order[n-1])
	}
	v.order = append(v.order, uid)
	v.now.UIDs[uid] = name
	v.sizes[uid] = size
	v.bytes += uint64(size)
	if !seen {
		v.unseen++
	}
	v.c.present(v.account, name)
	return nil
}

// messageID is empty for a message that is not ours.
func messageID(value []byte) (string, error) {
	text, err := imap.Text(value)
	if id, ok := message.FindID(text); ok {
		return id.String(), err
	}
	return "", err
}

// present counts one copy of a message.
func (c *checker) present(account, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Messages++
	if id == "" {
		c.report.Foreign++
		return
	}
	if c.found[id] == nil {
		c.found[id] = map[string]int{}
	}
	c.found[id][account]++
}

// counters compares what STATUS and SELECT told with what was listed.
func (v *view) counters(status map[string]uint64, selected imap.Selected) {
	equal := func(what string, told, listed uint64) {
		if told != listed {
			v.problem(Miscounted, "%s is %d, %d by the listing", what, told, listed)
		}
	}
	equal("STATUS MESSAGES", status["MESSAGES"], uint64(len(v.order)))
	equal("EXISTS", uint64(selected.Exists), uint64(len(v.order)))
	equal("STATUS UNSEEN", status["UNSEEN"], uint64(v.unseen))
	if size, ok := status["SIZE"]; ok {
		equal("STATUS SIZE", size, v.bytes)
	}
	if selected.UIDNext != 0 {
		equal("STATUS UIDNEXT against SELECT", status["UIDNEXT"], uint64(selected.UIDNext))
	}
	equal("STATUS UIDVALIDITY against SELECT", status["UIDVALIDITY"], uint64(selected.UIDValidity))
	v.now.UIDNext, v.now.UIDValidity = uint32(status["UIDNEXT"]), uint32(status["UIDVALIDITY"])
	v.now.HighestModSeq = status["HIGHESTMODSEQ"]
	for _, uid := range v.order {
		if uid >= v.now.UIDNext {
			v.problem(UIDOrder, "UID %d is not below UIDNEXT %d", uid, v.now.UIDNext)
		}
	}
}

// compare holds the mailbox against the last check: RFC 9051 2.3.1.1.
func (v *view) compare() {
	if v.before.UIDValidity == 0 {
		return
	}
	if v.now.UIDValidity != v.before.UIDValidity {
		v.problem(Renumbered, "UIDVALIDITY was %d and is %d", v.before.UIDValidity, v.now.UIDValidity)
		return
	}
	if v.now.HighestModSeq < v.before.HighestModSeq {
		v.problem(Renumbered, "HIGHESTMODSEQ was %d and is %d", v.before.HighestModSeq, v.now.HighestModSeq)
	}
	if v.now.UIDNext < v.before.UIDNext {
		v.problem(UIDOrder, "UIDNEXT was %d and is %d", v.before.UIDNext, v.now.UIDNext)
	}
	for _, uid := range slices.Sorted(maps.Keys(v.before.UIDs)) {
		id, ok := v.now.UIDs[uid]
		switch {
		case !ok:
			v.problem(Vanished, "UID %d, message %s", uid, v.before.UIDs[uid])
		case id != v.before.UIDs[uid]:
			v.problem(UIDReused, "UID %d was message %s and is %s", uid, v.before.UIDs[uid], id)
		}
	}
	for _, uid := range v.order {
		if _, old := v.before.UIDs[uid]; !old && uid < v.before.UIDNext {
			v.problem(UIDOrder, "UID %d is new and below the former UIDNEXT %d", uid, v.before.UIDNext)
		}
	}
}

// bodies reads the messages and compares their bytes with the journals.
func (v *view) bodies() error {
	from := uint32(1)
	if v.c.NewOnly {
		from = max(v.before.UIDNext, 1)
	}
	if len(v.order) == 0 || slices.Max(v.order) < from {
		return nil // "n:*" would name the last message even so
	}
	read := 0
	err := v.conn.Do(fmt.Sprintf("UID FETCH %d:* (UID BODY.PEEK[])", from), func(r imap.Response) error {
		if !r.Is("FETCH") {
			return nil
		}
		var uid uint32
		var content []byte
		var err error
		it := r.Items()
		for it.Next() && err == nil {
			switch string(it.Name) {
			case "UID":
				uid, err = imap.Number(it.Value)
			case "BODY[]":
				content, err = imap.Text(it.Value)
			}
		}
		if err == nil {
			err = it.Err()
		}
		if err == nil {
			read++
			v.body(uid, content)
		}
		return err
	})
	want := 0
	for _, uid := range v.order {
		if uid >= from {
			want++
		}
	}
	if err == nil && read != want {
		v.problem(Miscounted, "%d bodies were answered, want %d", read, want)
	}
	return err
}

func (v *view) body(uid uint32, content []byte) {
	if size := v.sizes[uid]; int(size) != len(content) {
		v.problem(Altered, "UID %d: RFC822.SIZE is %d, the message has %d bytes", uid, size, len(content))
	}
	header, _, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	name := ""
	if id, ok := message.FindID(header); ok {
		name = id.String()
	}
	if listed := v.now.UIDs[uid]; name != listed {
		v.problem(Altered, "UID %d was listed as message %q and is %q", uid, listed, name)
		return
	}
	if name == "" {
		return
	}
	record := v.c.records[name]
	if record == nil || record.Fates[v.account] == "" {
		v.problem(Unknown, "UID %d, message %s, is in no journal for this account", uid, name)
		return
	}
	v.content(uid, name, record, content)
}

func (v *view) content(uid uint32, name string, record *Record, content []byte) {
	trace := len(content) - record.Size
	if trace < 0 {
		v.problem(Altered, "UID %d, message %s, has %d bytes, %d were sent", uid, name, len(content), record.Size)
		return
	}
	sum := sha256.Sum256(content[trace:])
	if hex.EncodeToString(sum[:]) != record.SHA256 {
		v.problem(Altered, "UID %d, message %s, does not end with the bytes sent", uid, name)
		return
	}
	if !isHeader(content[:trace]) {
		v.problem(BadTrace, "UID %d, message %s, begins with %.100q", uid, name, content[:trace])
		return
	}
	v.c.mu.Lock()
	v.c.report.BodiesRead++
	v.c.mu.Unlock()
}

// isHeader says whether b is whole header fields: RFC 5322 2.2, and nothing else.
func isHeader(b []byte) bool {
	fields := 0
	for len(b) > 0 {
		line, rest, found := bytes.Cut(b, []byte("\r\n"))
		if !found || len(line) == 0 {
			return false
		}
		if line[0] == ' ' || line[0] == '\t' {
			if fields == 0 {
				return false
			}
		} else if !isField(line) {
			return false
		}
		fields++
		b = rest
	}
	return true
}

func isField(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	if !found || len(name) == 0 {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c >= 127 {
			return false
		}
	}
	return true
}
