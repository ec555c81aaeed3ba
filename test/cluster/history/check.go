package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Totals are counts for a table.
type Totals struct {
	Acknowledged, Refused, Deferred, Unknown int // operations
	Deliveries                               int // acknowledged
	Lost, Doubled                            int
	Repeated                                 int // messages that are there through more than one attempt cannot be told from these
	KeptDeferred                             int // deliveries that were to be tried again, or without an answer, and are there
	Histories                                int // messages whose order of operations was looked for
}

// Result is what a Check found.
type Result struct {
	Totals   Totals
	Findings []Finding
	More     int // findings beyond those
}

// OK says that every promise was kept.
func (r *Result) OK() bool { return len(r.Findings) == 0 && r.More == 0 }

// Err is nil, or tells how many findings there are of each kind, and spells out the first of each.
func (r *Result) Err() error {
	if r.OK() {
		return nil
	}
	counts, first := map[Fault]int{}, map[Fault]Finding{}
	var order []Fault
	for _, f := range r.Findings {
		if counts[f.Kind]++; counts[f.Kind] == 1 {
			order, first[f.Kind] = append(order, f.Kind), f
		}
	}
	var b strings.Builder
	for _, kind := range order {
		fmt.Fprintf(&b, "%d %s, the first: %s\n", counts[kind], kind, first[kind])
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.More)
	}
	return fmt.Errorf("%s", strings.TrimSpace(b.String()))
}

// patience is how long the order of the operations on one message is looked for.
const patience = 20 * time.Second

// Check compares what clients were promised with what the servers keep. Messages of other runs count for counters and
// replicas only.
func Check(record *Record, server *Server) *Result {
	c := &checker{record: record, server: server, at: map[Key]*where{}}
	c.result.Totals = Totals{Acknowledged: record.Outcomes[Acknowledged], Refused: record.Outcomes[Refused],
		Deferred: record.Outcomes[Deferred], Unknown: record.Outcomes[Unknown], Repeated: record.Repeated}
	c.result.Findings, c.result.More = slices.Clone(record.Findings), record.More
	c.locate()
	c.deliveries()
	c.histories()
	c.uidOrder()
	c.counters()
	c.listings()
	c.replicas()
	return &c.result
}

type checker struct {
	record *Record
	server *Server
	at     map[Key]*where
	result Result
}

// where is how a message was found.
type where struct {
	final
	copies int // as many as lie in the fullest place, or emails
	emails int
}

func (c *checker) find(kind Fault, k Key, format string, args ...any) {
	if len(c.result.Findings) >= MaxFindings {
		c.result.More++
		return
	}
	f := Finding{Kind: kind, Key: k, Detail: fmt.Sprintf(format, args...)}
	if k.Message != "" {
		f.History = tell(c.record.Messages[k])
	}
	c.result.Findings = append(c.result.Findings, f)
}

// mine says that a token is of this run.
func (c *checker) mine(token string) bool {
	return token != "" && strings.HasPrefix(token, c.record.Run)
}

// locate finds where each message of the run is, and finds fault with those that nobody sent.
func (c *checker) locate() {
	for account, a := range c.server.Accounts {
		for name, m := range a.Mailboxes {
			p, known := PlaceOf(name)
			for _, msg := range m.Messages {
				k := Key{account, msg.Token}
				if !c.mine(msg.Token) {
					continue
				}
				if len(c.record.Messages[k]) == 0 || !known {
					c.find(Unsent, k, "UID %d in %s", msg.UID, name)
					continue
				}
				if was, named := c.record.Names[UID{account, p, m.UIDValidity, msg.UID}]; named && was != k {
					c.find(Reused, k, "UID %d of %s was %s", msg.UID, name, was.Message)
				}
				if msg.Damage != "" {
					c.find(Altered, k, "UID %d in %s: %s", msg.UID, name, msg.Damage)
				}
				c.place(k, p, msg)
			}
		}
		for _, e := range a.Emails {
			if k := (Key{account, e.Token}); c.at[k] != nil {
				c.at[k].emails++
			}
		}
	}
}

func (c *checker) place(k Key, p Place, msg Message) {
	w := c.at[k]
	if w == nil {
		w = &where{copies: 1, final: final{flags: msg.Flags}}
		c.at[k] = w
	}
	if w.uids[p] != 0 {
		w.copies++
	}
	w.uids[p] = msg.UID
	if msg.Deleted {
		w.deleted |= In(p)
	}
	if w.flags != msg.Flags {
		c.find(Disagreeing, k, "its flags are %s, and %s in %s", w.flags, msg.Flags, p)
	}
}

// deliveries checks that what was acknowledged is there once.
func (c *checker) deliveries() {
	for k, operations := range c.record.Messages {
		var delivered *Operation
		removed := false
		for i := range operations {
			if o := &operations[i]; o.Kind <= Relay {
				delivered = o
			} else if o.removes() {
				removed = true
			}
		}
		if delivered == nil {
			c.find(Unsent, k, "clients worked on it, and none has sent it")
			continue
		}
		c.delivery(k, delivered, removed)
	}
}

func (c *checker) delivery(k Key, delivered *Operation, removed bool) {
	w := c.at[k]
	switch delivered.Outcome {
	case Acknowledged:
		c.result.Totals.Deliveries++
		if w == nil && !removed {
			c.result.Totals.Lost++
			c.find(Lost, k, "")
		}
	case Refused:
		if w != nil {
			c.find(Kept, k, "")
		}
	default:
		if w != nil {
			c.result.Totals.KeptDeferred++
		}
	}
	if w != nil && (w.copies > 1 || w.emails > 1 || (w.uids[Inbox] != 0 && w.uids[Archive] != 0 && w.deleted&In(Inbox, Archive) == 0)) {
		c.result.Totals.Doubled++
		c.find(Doubled, k, "%d emails, %d in one mailbox, UIDs in INBOX, Archive and Copies: %v", w.emails, w.copies, w.uids[1:])
	}
}

// histories looks for an order of the operations on each message.
func (c *checker) histories() {
	for k, operations := range c.record.Messages {
		w := c.at[k]
		if w == nil {
			w = &where{}
		}
		c.result.Totals.Histories++
		switch verdict(operations, w.final, patience) {
		case porcupine.Illegal:
			c.find(Inconsistent, k, "in the end it is %s", w.final)
		case porcupine.Unknown:
			c.find(Undecided, k, "no order was found in %s", patience)
		}
	}
}

func (f final) String() string {
	var in []string
	for p := Inbox; p < places; p++ {
		if f.uids[p] != 0 {
			in = append(in, fmt.Sprintf("in %s/%d", p, f.uids[p]))
			if f.deleted.Has(p) {
				in[len(in)-1] += ` with \Deleted`
			}
		}
	}
	if in == nil {
		return "nowhere"
	}
	return strings.Join(in, " and ") + " with " + f.flags.String()
}

// uidOrder checks that of two deliveries to INBOX, one of which began after the other had been acknowledged, the later has the
// greater UID (RFC 9051 2.3.1.1).
func (c *checker) uidOrder() {
	type arrival struct {
		key       Key
		uid       uint32
		delivered Operation
	}
	byAccount := map[string][]arrival{}
	for k, w := range c.at {
		operations := c.record.Messages[k]
		stayed := w.uids[Inbox] != 0
		var delivered Operation
		for _, o := range operations {
			if o.Kind == Deliver {
				delivered = o
			} else if o.Kind == Relay || o.removes() {
				stayed = false // it may have a later UID than its first
			}
		}
		if stayed && delivered.Outcome == Acknowledged {
			byAccount[k.Account] = append(byAccount[k.Account], arrival{k, w.uids[Inbox], delivered})
		}
	}
	for _, list := range byAccount {
		slices.SortFunc(list, func(a, b arrival) int { return int(b.uid) - int(a.uid) })
		var first *arrival // of those with greater UIDs, the one acknowledged first
		for i := range list {
			a := &list[i]
			if first != nil && first.delivered.Return < a.delivered.Call {
				c.find(Backward, a.key, "its UID %d is below UID %d of %s, which was acknowledged before this began: %s", a.uid, first.uid, first.key.Message, first.delivered)
			}
			if first == nil || a.delivered.Return < first.delivered.Return {
				first = a
			}
		}
	}
}
