package imap

import (
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Capability lists what the server can do.
func (e *Encoder) Capability(names []string) {
	e.untagged("CAPABILITY")
	e.buf = appendWords(e.buf, names)
	e.end()
}

// Enabled lists what ENABLE has switched on, which may be nothing.
func (e *Encoder) Enabled(names []string) {
	e.untagged("ENABLED")
	e.buf = appendWords(e.buf, names)
	e.end()
}

// ID names the server (RFC 2971). No params are NIL.
func (e *Encoder) ID(params []IDParam) {
	e.untagged("ID ")
	if len(params) == 0 {
		e.null()
		e.end()
		return
	}
	for i, p := range params {
		e.open(i)
		e.string(p.Name)
		e.buf = append(e.buf, ' ')
		if p.Null {
			e.null()
		} else {
			e.string(p.Value)
		}
	}
	e.buf = append(e.buf, ')')
	e.end()
}

// NamespaceEntry is one namespace (RFC 9051 7.3.2).
type NamespaceEntry struct {
	Prefix    string // UTF-8
	Delimiter byte   // 0: no hierarchy
}

// Namespace lists the namespaces. None of a class are NIL.
func (e *Encoder) Namespace(personal, otherUsers, shared []NamespaceEntry) {
	e.untagged("NAMESPACE")
	for _, class := range [][]NamespaceEntry{personal, otherUsers, shared} {
		e.buf = append(e.buf, ' ')
		if len(class) == 0 {
			e.null()
			continue
		}
		e.buf = append(e.buf, '(')
		for _, n := range class {
			e.buf = append(e.buf, '(')
			prefix := n.Prefix
			if !e.dialect.UTF8() {
				prefix = EncodeUTF7(prefix)
			}
			e.string(prefix)
			e.buf = append(e.buf, ' ')
			e.delimiter(n.Delimiter)
			e.buf = append(e.buf, ')')
		}
		e.buf = append(e.buf, ')')
	}
	e.end()
}

// ListEntry is one mailbox of LIST or LSUB (RFC 9051 7.3.1).
type ListEntry struct {
	Attributes []string
	Delimiter  byte // 0: no hierarchy
	Name       string
	OldName    string   // the name before a rename or the one the client gave, if it is to be told (RFC 9051 6.3.9.7)
	ChildInfo  []string // selection options that a child satisfies, for RECURSIVEMATCH (RFC 5258 3.5)
}

// List tells of one mailbox.
func (e *Encoder) List(m ListEntry) {
	e.untagged("LIST ")
	e.listEntry(m)
	if m.OldName == "" && len(m.ChildInfo) == 0 {
		e.end()
		return
	}
	e.buf = append(e.buf, " ("...)
	if len(m.ChildInfo) > 0 {
		e.buf = append(e.buf, `"CHILDINFO" `...)
		for i, option := range m.ChildInfo {
			e.open(i)
			e.buf = appendQuoted(e.buf, option)
		}
		e.buf = append(e.buf, ')')
	}
	if m.OldName != "" {
		if len(m.ChildInfo) > 0 {
			e.buf = append(e.buf, ' ')
		}
		e.buf = append(e.buf, `"OLDNAME" (`...)
		e.mailbox(m.OldName)
		e.buf = append(e.buf, ')')
	}
	e.buf = append(e.buf, ')')
	e.end()
}

// Lsub tells of one subscribed name (RFC 3501 7.2.3).
func (e *Encoder) Lsub(m ListEntry) {
	e.untagged("LSUB ")
	e.listEntry(m)
	e.end()
}

func (e *Encoder) listEntry(m ListEntry) {
	e.words(m.Attributes)
	e.buf = append(e.buf, ' ')
	e.delimiter(m.Delimiter)
	e.buf = append(e.buf, ' ')
	e.mailbox(m.Name)
}

// StatusData has the numbers of a mailbox. Only those that were asked for need to be set.
type StatusData struct {
	Messages, Unseen, Deleted, Recent uint32
	UIDNext                           mail.UID
	UIDValidity                       uint32
	Size                              int64
	HighestModSeq                     mail.ModSeq
	DeletedStorage                    int64
	AppendLimit                       int64 // negative: none of its own, NIL (RFC 7889 4)
	MailboxID                         string
}

// Status tells the numbers that were asked for (RFC 9051 7.3.3).
func (e *Encoder) Status(mailbox string, items []StatusItem, d StatusData) {
	e.untagged("STATUS ")
	e.mailbox(mailbox)
	e.buf = append(e.buf, ' ')
	for i, item := range items {
		e.open(i)
		e.buf = append(e.buf, item...)
		e.statusValue(item, d)
	}
	e.buf = append(e.buf, ')')
	e.end()
}

func (e *Encoder) statusValue(item StatusItem, d StatusData) {
	switch item {
	case StatusMessages:
		e.number(uint64(d.Messages))
	case StatusUnseen:
		e.number(uint64(d.Unseen))
	case StatusDeleted:
		e.number(uint64(d.Deleted))
	case StatusRecent:
		e.number(uint64(d.Recent))
	case StatusUIDNext:
		e.number(uint64(d.UIDNext))
	case StatusUIDValidity:
		e.number(uint64(d.UIDValidity))
	case StatusSize:
		e.number(uint64(d.Size))
	case StatusHighestModSeq:
		e.number(uint64(d.HighestModSeq))
	case StatusDeletedStorage:
		e.number(uint64(d.DeletedStorage))
	case StatusAppendLimit:
		if d.AppendLimit < 0 {
			e.buf = append(e.buf, " NIL"...)
			return
		}
		e.number(uint64(d.AppendLimit))
	case StatusMailboxID:
		e.buf = append(append(append(e.buf, " ("...), d.MailboxID...), ')')
	}
}

// Flags lists the flags that a mailbox knows.
func (e *Encoder) Flags(names []string) {
	e.untagged("FLAGS ")
	e.words(names)
	e.end()
}

// Exists tells how many messages the mailbox has.
func (e *Encoder) Exists(n uint32) {
	e.numbered(n, "EXISTS")
	e.end()
}

// Recent tells how many messages are \Recent (RFC 3501 7.3.2); a client that has enabled IMAP4rev2 is not told.
func (e *Encoder) Recent(n uint32) {
	e.numbered(n, "RECENT")
	e.end()
}

// Expunge tells that the message with that number is gone and those behind it have moved up.
func (e *Encoder) Expunge(seq uint32) {
	e.numbered(seq, "EXPUNGE")
	e.end()
}

// Vanished tells which UIDs are gone: in place of Expunge, or earlier, which moves no numbers (RFC 7162 3.2.10). An empty
// set is not sent.
func (e *Encoder) Vanished(earlier bool, uids Set) {
	if len(uids) == 0 {
		return
	}
	e.untagged("VANISHED ")
	if earlier {
		e.buf = append(e.buf, "(EARLIER) "...)
	}
	e.buf = uids.AppendTo(e.buf)
	e.end()
}
