package thread

import (
	"errors"
	"hash/maphash"
	"iter"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
)

// Algorithm is a way to thread, by its name in IMAP.
type Algorithm string

const (
	OrderedSubject Algorithm = "ORDEREDSUBJECT"
	References     Algorithm = "REFERENCES"
	Refs           Algorithm = "REFS"
)

// Message is what of a message decides where it stands.
type Message struct {
	Number      uint32 // not 0; those of a mailbox grow
	Sent        int64  // when it was sent (RFC 5256 2.2), in seconds
	ID          string
	References  []string
	InReplyTo   []string
	BaseSubject string
	Reply       bool // its subject is that of a reply or forward
}

// Node is a message in a thread.
type Node struct {
	Number   uint32 // 0: nobody has the message, which stands for what its children share; at the top only
	Depth    int    // 0 at the top
	Children int
}

// Builder makes threads of messages.
type Builder struct {
	algorithm Algorithm
	left      int64
	steps     int
	seed      maphash.Seed
	ids       map[uint64]int32
	nodes     []node
}

// node is a message, or a message id that was referred to.
type node struct {
	number   uint32 // 0: nobody has it
	parent   int32  // none at the top
	sent     int64
	subject  uint64 // hash, 0 for an empty one
	reply    bool
	hasChild bool // or had one
	merged   bool // into its parent, by subject: its children are that one's
}

const (
	none     = int32(-1)
	nodeSize = 80 // of a node and its id, and what is needed to put them in order
	maxSteps = 50_000_000
)

var errTooMany = errors.New("too many messages to thread: name fewer by date, size or number")

// NewBuilder makes a Builder that holds at most limit bytes.
func NewBuilder(a Algorithm, limit int64) *Builder {
	return &Builder{algorithm: a, left: limit, steps: maxSteps, seed: maphash.MakeSeed(), ids: map[uint64]int32{}}
}

// Add takes the next message of the mailbox.
func (b *Builder) Add(m Message) error {
	if b.algorithm == OrderedSubject {
		b.newNode(m)
		return b.bounded()
	}
	references := m.References
	if len(references) == 0 && len(m.InReplyTo) > 0 {
		references = m.InReplyTo[:1]
	}
	// Step 1.A: each reference is the parent of the next one.
	last := none
	for _, id := range references {
		at := b.byID(id)
		if last != none && b.nodes[at].parent == none {
			b.link(last, at)
		}
		last = at
	}
	// Step 1.B: and the last one that of the message, whatever was thought before.
	at := b.place(m)
	if b.nodes[at].parent != last {
		b.nodes[at].parent = none
		if last != none {
			b.link(last, at)
		}
	}
	return b.bounded()
}

func (b *Builder) bounded() error {
	if int64(len(b.nodes))*nodeSize > b.left {
		return mail.E("thread.Add", mail.Limit, errTooMany)
	}
	return nil
}

// byID returns the node of a message id, for the time being that of a message nobody has.
func (b *Builder) byID(id string) int32 {
	key := maphash.String(b.seed, normal(id))
	at, known := b.ids[key]
	if !known {
		at = b.newNode(Message{})
		b.ids[key] = at
	}
	return at
}

// place returns the node of a message. Of those that share an id only the first one has it.
func (b *Builder) place(m Message) int32 {
	if m.ID == "" {
		return b.newNode(m)
	}
	at := b.byID(m.ID)
	n := &b.nodes[at]
	if n.number != 0 {
		return b.newNode(m)
	}
	n.number, n.sent, n.subject, n.reply = m.Number, m.Sent, b.subject(m.BaseSubject), m.Reply
	return at
}

func (b *Builder) newNode(m Message) int32 {
	b.nodes = append(b.nodes, node{number: m.Number, parent: none, sent: m.Sent, subject: b.subject(m.BaseSubject), reply: m.Reply})
	return int32(len(b.nodes) - 1)
}

// subject is what stands for a base subject in comparisons, which RFC 5255 4.2 wants by i;unicode-casemap.
func (b *Builder) subject(base string) uint64 {
	if base == "" {
		return 0
	}
	return maphash.String(b.seed, casemap.Fold(base)) | 1
}

// link makes one node the parent of another, which has none, unless that closes a ring.
func (b *Builder) link(parent, child int32) {
	if parent == child || b.nodes[child].hasChild && b.descends(parent, child) {
		return
	}
	b.nodes[child].parent = parent
	b.nodes[parent].hasChild = true
}

// descends reports whether at is below another node.
func (b *Builder) descends(at, above int32) bool {
	for ; at != none; at = b.nodes[at].parent {
		if b.steps--; at == above || b.steps < 0 {
			return true
		}
	}
	return false
}

// normal undoes quoting: RFC 5256 3 wants <"a"@b> and <a@b> to be the same.
func normal(id string) string {
	if !strings.ContainsAny(id, `"\`) {
		return id
	}
	var out strings.Builder
	for i := 0; i < len(id); i++ {
		if id[i] == '\\' && i+1 < len(id) {
			i++
		} else if id[i] == '"' {
			continue
		}
		out.WriteByte(id[i])
	}
	return out.String()
}

// Threads returns all threads, each from its first message on, children before the next sibling. The Builder is used up.
func (b *Builder) Threads() iter.Seq[Node] {
	b.ids = nil
	switch b.algorithm {
	case OrderedSubject:
		b.bySubject()
	default:
		b.prune()
	}
	if b.algorithm == References {
		b.mergeSubjects()
	}
	return b.walk
}
