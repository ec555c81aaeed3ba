package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	run  = "00000000000000aa."
	ann  = "ann@example.org"
	size = 1000
)

func token(n int) string { return fmt.Sprintf("%s1.%d@mailload.example", run, n) }

func key(n int) Key { return Key{ann, token(n)} }

// world is a record and a server that agree: each message n was delivered to INBOX under UID n, one after the other.
type world struct {
	recorder *Recorder
	server   *Server
	messages int
}

func newWorld(messages int) *world {
	w := &world{recorder: NewRecorder(run, 1000), messages: messages}
	a := &Account{Mailboxes: map[string]*Mailbox{}, Emails: map[string]Email{}}
	for p := Inbox; p < places; p++ {
		a.Mailboxes[p.String()] = &Mailbox{UIDValidity: 1}
	}
	w.server = &Server{Accounts: map[string]*Account{ann: a}}
	for n := 1; n <= messages; n++ {
		w.recorder.Add(key(n), at(2*n, 2*n+1, delivery))
		w.list(Inbox, Message{UID: uint32(n), Token: token(n), Size: size})
		a.Emails[fmt.Sprint("e", n)] = Email{Token: token(n), In: In(Inbox), Size: size, Thread: fmt.Sprint("t", n)}
	}
	inbox := w.mailbox(Inbox)
	for of, value := range map[Counter]int{Messages: messages, Shown: messages, Unseen: messages, Unread: messages, Deleted: 0,
		Size: messages * size, UIDNext: messages + 1, Threads: messages, UnreadThreads: messages} {
		inbox.Claims = append(inbox.Claims, Claim{"a server", of, uint64(value)})
	}
	a.Claims = []Claim{{"a server", Emails, uint64(messages)}, {"a server", Octets, uint64(messages * size)}, {"a server", KiB, uint64(messages * size / 1024)}}
	return w
}

func (w *world) mailbox(p Place) *Mailbox { return w.server.Accounts[ann].Mailboxes[p.String()] }

func (w *world) list(p Place, m Message) {
	w.mailbox(p).Messages = append(w.mailbox(p).Messages, m)
}

// followed adds clients that know what is there.
func (w *world) followed() {
	by, uids := map[string]Email{}, map[uint32]Flags{}
	for id, e := range w.server.Accounts[ann].Emails {
		by[id] = e
	}
	for _, m := range w.mailbox(Inbox).Messages {
		uids[m.UID] = m.Flags
	}
	w.recorder.Replica(Replica{Client: "listener", Account: ann, Emails: by})
	w.recorder.Replica(Replica{Client: "idler", Account: ann, Mailbox: "INBOX", UIDValidity: 1, Messages: uids})
}

func (w *world) check() *Result {
	record := w.recorder.Record()
	return Check(&record, w.server)
}

// drop takes a message out of a mailbox and its counters.
func (w *world) drop(n int) {
	inbox := w.mailbox(Inbox)
	inbox.Messages = slices.DeleteFunc(inbox.Messages, func(m Message) bool { return m.UID == uint32(n) })
	delete(w.server.Accounts[ann].Emails, fmt.Sprint("e", n))
	inbox.Claims, w.server.Accounts[ann].Claims = nil, nil
}

// renumber gives a message a UID after all others.
func (w *world) renumber(n int, uid uint32) {
	inbox := w.mailbox(Inbox)
	i := slices.IndexFunc(inbox.Messages, func(m Message) bool { return m.UID == uint32(n) })
	m := inbox.Messages[i]
	m.UID = uid
	inbox.Messages = append(slices.Delete(inbox.Messages, i, i+1), m)
	for i := range inbox.Claims {
		if inbox.Claims[i].Of == UIDNext {
			inbox.Claims[i].Value = uint64(uid) + 1
		}
	}
}

func TestWhatAgreesIsFoundSo(t *testing.T) {
	w := newWorld(5)
	w.followed()
	result := w.check()
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	if result.Totals != (Totals{Acknowledged: 5, Deliveries: 5, Histories: 5}) {
		t.Errorf("%+v", result.Totals)
	}
}

// Each kind of fault is found, and called what it is.
func TestFaultsAreFound(t *testing.T) {
	email := func(w *world, n int, change func(*Email)) {
		id := fmt.Sprint("e", n)
		e := w.server.Accounts[ann].Emails[id]
		change(&e)
		w.server.Accounts[ann].Emails[id] = e
	}
	claim := func(of Counter, by int) func(*world) {
		return func(w *world) {
			for _, list := range [][]Claim{w.mailbox(Inbox).Claims, w.server.Accounts[ann].Claims} {
				for i := range list {
					if list[i].Of == of {
						list[i].Value += uint64(by)
					}
				}
			}
		}
	}
	for name, c := range map[string]struct {
		want  Fault
		fault func(w *world)
	}{
		"an acknowledged message is not there": {Lost, func(w *world) { w.drop(3) }},
		"a relayed message is not there":       {Lost, func(w *world) { w.recorder.Add(key(9), at(1, 2, Operation{Kind: Relay, To: Inbox})) }},
		"a message is there twice":             {Doubled, func(w *world) { w.list(Inbox, Message{UID: 6, Token: token(3), Size: size}) }},
		"a message is in INBOX and in Archive": {Doubled, func(w *world) { w.list(Archive, Message{UID: 1, Token: token(3), Size: size}) }},
		"two emails of one delivery": {Doubled, func(w *world) {
			w.server.Accounts[ann].Emails["e6"] = w.server.Accounts[ann].Emails["e3"]
		}},
		"a refused message is there": {Kept, func(w *world) {
			w.recorder.record.Messages[key(3)][0].Outcome = Refused
		}},
		"nobody sent it":           {Unsent, func(w *world) { w.list(Inbox, Message{UID: 6, Token: token(6), Size: size}) }},
		"it is with somebody else": {Unsent, func(w *world) { w.server.Accounts["bob@example.org"] = w.server.Accounts[ann] }},
		"it is in a mailbox of no client": {Unsent, func(w *world) {
			w.server.Accounts[ann].Mailboxes["Junk"] = &Mailbox{Messages: w.mailbox(Inbox).Messages[2:3]}
		}},
		"clients saw what nobody sent": {Unsent, func(w *world) { w.recorder.Add(key(6), at(1, 2, missed)) }},
		"bytes are damaged":            {Altered, func(w *world) { w.mailbox(Inbox).Messages[2].Damage = "the checksum is wrong" }},
		"a flag that was set is not there": {Inconsistent, func(w *world) {
			w.recorder.Add(key(3), at(20, 21, Operation{Kind: Store, From: Inbox, UID: 3, Add: Seen, Found: true}))
		}},
		"a removed message is there": {Inconsistent, func(w *world) {
			w.recorder.Add(key(3), at(20, 21, Operation{Kind: Delete, From: Inbox, UID: 3}))
			w.recorder.Add(key(3), at(22, 23, Operation{Kind: Expunge, From: Inbox, UID: 3}))
		}},
		"a message that somebody only tried to move is gone": {Inconsistent, func(w *world) {
			w.drop(3)
			w.recorder.Add(key(3), at(20, 21, Operation{Kind: Move, From: Inbox, UID: 3, To: Archive, Outcome: Unknown}))
		}},
		"a UID names two messages": {Reused, func(w *world) {
			w.recorder.Named("one", Inbox, 1, 3, key(3))
			w.recorder.Named("other", Inbox, 1, 3, key(4))
		}},
		"a UID names another message in the end": {Reused, func(w *world) { w.recorder.Named("one", Inbox, 1, 3, key(4)) }},
		"a UID is given below UIDNEXT":           {Backward, func(w *world) { w.recorder.Assigned("one", Inbox, 1, 3, key(3), 4) }},
		"UIDNEXT is told to be a UID that was given": {Backward, func(w *world) {
			w.recorder.Assigned("one", Inbox, 1, 3, key(3), 3)
			w.recorder.Grown("other", ann, Inbox.UIDNext(), w.recorder.Floor(ann, Inbox.UIDNext()), 3)
		}},
		"HIGHESTMODSEQ goes back": {Backward, func(w *world) {
			w.recorder.Grown("one", ann, "HIGHESTMODSEQ", 0, 10)
			w.recorder.Grown("other", ann, "HIGHESTMODSEQ", w.recorder.Floor(ann, "HIGHESTMODSEQ"), 9)
		}},
		"a later delivery has the smaller UID": {Backward, func(w *world) {
			m := w.mailbox(Inbox).Messages
			m[2].Token, m[3].Token = m[3].Token, m[2].Token
		}},
		"UIDs are listed out of order":   {Backward, func(w *world) { slices.Reverse(w.mailbox(Inbox).Messages) }},
		"UIDNEXT is a UID that is there": {Backward, claim(UIDNext, -1)},
		"MESSAGES":                       {Miscounted, claim(Messages, 1)},
		"UNSEEN":                         {Miscounted, claim(Unseen, -1)},
		"DELETED":                        {Miscounted, claim(Deleted, 1)},
		"SIZE":                           {Miscounted, claim(Size, 1)},
		"totalEmails":                    {Miscounted, claim(Shown, -1)},
		"unreadEmails":                   {Miscounted, claim(Unread, 1)},
		"totalThreads":                   {Miscounted, claim(Threads, 1)},
		"unreadThreads":                  {Miscounted, claim(UnreadThreads, -1)},
		"quota of messages":              {Miscounted, claim(Emails, 1)},
		"quota of octets":                {Miscounted, claim(Octets, -1)},
		"quota of KiB":                   {Miscounted, claim(KiB, 2)},
		"JMAP does not list it":          {Disagreeing, func(w *world) { delete(w.server.Accounts[ann].Emails, "e3") }},
		"JMAP has other keywords":        {Disagreeing, func(w *world) { email(w, 3, func(e *Email) { e.Flags = Seen }) }},
		"JMAP has it elsewhere":          {Disagreeing, func(w *world) { email(w, 3, func(e *Email) { e.In = In(Archive) }) }},
		"JMAP has another size":          {Disagreeing, func(w *world) { email(w, 3, func(e *Email) { e.Size++ }) }},
		"IMAP does not list it": {Disagreeing, func(w *world) {
			w.drop(3)
			w.server.Accounts[ann].Emails["e3"] = Email{Token: token(3), In: In(Inbox), Size: size}
		}},
		"flags differ between two places": {Disagreeing, func(w *world) {
			w.list(Copies, Message{UID: 1, Token: token(3), Size: size, Flags: Seen})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(5)
			c.fault(w)
			result := w.check()
			if !slices.ContainsFunc(result.Findings, func(f Finding) bool { return f.Kind == c.want }) {
				t.Errorf("not found: %s; found: %v", c.want, result.Findings)
			}
		})
	}
}

// A client that has missed something is found out.
func TestDivergence(t *testing.T) {
	for name, change := range map[string]func(idler, listener *Replica){
		"it has a message that is gone":      func(i, _ *Replica) { i.Messages[9] = 0 },
		"it does not know a message":         func(i, _ *Replica) { delete(i.Messages, 3) },
		"it has other flags":                 func(i, _ *Replica) { i.Messages[3] = Seen },
		"it has another UIDVALIDITY":         func(i, _ *Replica) { i.UIDValidity = 2 },
		"it could not catch up":              func(i, _ *Replica) { i.Failed = "no connection" },
		"its mailbox is not there":           func(i, _ *Replica) { i.Mailbox = "Archive" },
		"its account is not there":           func(i, _ *Replica) { i.Account = "bob@example.org" },
		"JMAP: it has an email that is gone": func(_, l *Replica) { l.Emails["e9"] = Email{} },
		"JMAP: it does not know an email":    func(_, l *Replica) { delete(l.Emails, "e3") },
		"JMAP: it has other keywords":        func(_, l *Replica) { l.Emails["e3"] = Email{Token: token(3), In: In(Inbox), Flags: Seen} },
		"JMAP: it has it elsewhere":          func(_, l *Replica) { l.Emails["e3"] = Email{Token: token(3), In: In(Archive)} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(5)
			w.followed()
			replicas := w.recorder.record.Replicas
			change(&replicas[1], &replicas[0])
			findings := w.check().Findings
			if len(findings) != 1 || findings[0].Kind != Diverged {
				t.Errorf("%v, want one client that has diverged", findings)
			}
		})
	}
}

// What may be either way is found fault with neither way.
func TestDoubtIsNoFault(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		kept   int
	}{
		"without an answer, and there": {func(w *world) { w.recorder.record.Messages[key(3)][0].Outcome = Unknown }, 1},
		"deferred, and there":          {func(w *world) { w.recorder.record.Messages[key(3)][0].Outcome = Deferred }, 1},
		"without an answer, and not there": {func(w *world) {
			w.drop(3)
			w.recorder.record.Messages[key(3)][0].Outcome = Unknown
		}, 0},
		"refused, and not there": {func(w *world) {
			w.drop(3)
			w.recorder.record.Messages[key(3)][0].Outcome = Refused
		}, 0},
		"acknowledged, and perhaps removed": {func(w *world) {
			w.drop(3)
			w.recorder.Add(key(3), at(20, 21, Operation{Kind: Destroy, Outcome: Unknown}))
		}, 0},
		"another run's": {func(w *world) {
			w.list(Inbox, Message{UID: 6, Token: "00000000000000bb.1.1@mailload.example", Size: size})
			w.mailbox(Inbox).Claims = nil
		}, 0},
		"somebody else's": {func(w *world) {
			w.list(Inbox, Message{UID: 6, Size: size})
			w.mailbox(Inbox).Claims = nil
		}, 0},
		"two deliveries at the same time": {func(w *world) {
			for i := range w.messages {
				w.recorder.record.Messages[key(i+1)][0].Call = 0
			}
			m := w.mailbox(Inbox).Messages
			m[2].Token, m[3].Token = m[3].Token, m[2].Token
		}, 0},
		"removed half, and not shown by JMAP": {func(w *world) {
			w.recorder.Add(key(3), at(20, 21, Operation{Kind: Delete, From: Inbox, UID: 3}))
			w.mailbox(Inbox).Messages[2].Deleted = true
			delete(w.server.Accounts[ann].Emails, "e3")
			for i := range w.mailbox(Inbox).Claims {
				switch claim := &w.mailbox(Inbox).Claims[i]; claim.Of {
				case Shown, Unread, Threads, UnreadThreads:
					claim.Value--
				case Deleted:
					claim.Value++
				}
			}
		}, 0},
		"moved away and back, under a later UID": {func(w *world) {
			w.recorder.Add(key(1), at(20, 21, Operation{Kind: Patch, From: Inbox, To: Archive, Found: true}))
			w.recorder.Add(key(1), at(22, 23, Operation{Kind: Patch, From: Archive, To: Inbox, Found: true}))
			w.renumber(1, 6)
		}, 0},
		"without an answer, and it came late": {func(w *world) {
			w.recorder.record.Messages[key(1)][0].Outcome = Unknown
			w.renumber(1, 6)
		}, 1},
		"quota rounded up": {func(w *world) {
			w.server.Accounts[ann].Claims = []Claim{{"a server", KiB, uint64((5*size + 1023) / 1024)}}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(5)
			c.change(w)
			result := w.check()
			if err := result.Err(); err != nil || result.Totals.KeptDeferred != c.kept {
				t.Errorf("%v, %+v", err, result.Totals)
			}
		})
	}
}

func TestAFindingShowsTheHistory(t *testing.T) {
	w := newWorld(5)
	w.recorder.Add(key(3), at(30, 31, Operation{Client: "imap-1", Kind: Store, From: Inbox, UID: 3, Add: Seen | Flagged, Found: true}))
	w.recorder.Add(key(3), at(20, 21, Operation{Client: "jmap-2", Kind: Read, Found: true, SawIn: In(Inbox)}))
	err := w.check().Err()
	want := `1 inconsistent, the first: inconsistent: ` + token(3) + ` of ann@example.org: in the end it is in INBOX/3 with ()
      6.000 to     7.000 s                 deliver to INBOX: acknowledged
     20.000 to    21.000 s  jmap-2         read: acknowledged, in INBOX with ()
     30.000 to    31.000 s  imap-1         store INBOX/3 +(\Seen \Flagged): acknowledged`
	if err == nil || strings.TrimSpace(err.Error()) != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	w := newWorld(5)
	for n := range 3 * MaxFindings {
		w.recorder.Add(key(100+n), at(1, 2, delivery))
		w.recorder.Grown("a client", ann, "MODSEQ", 2, 1)
	}
	result := w.check()
	if len(result.Findings) != MaxFindings || result.More == 0 || result.OK() {
		t.Errorf("%d findings and %d more", len(result.Findings), result.More)
	}
	if got := result.Totals.Lost; got != 3*MaxFindings {
		t.Errorf("%d lost, want all of them counted", got)
	}
}

func TestRecorderIsFull(t *testing.T) {
	r := NewRecorder(run, 2)
	for n := range 2 {
		if r.Full() {
			t.Errorf("full after %d", n)
		}
		r.Add(key(n), delivery)
	}
	if !r.Full() || r.Of(key(1)) != 1 {
		t.Error("not full after 2")
	}
	for n := range 2 * maxReasons {
		r.Reason(fmt.Sprint("reason ", n))
	}
	record := r.Record()
	if len(record.Reasons) != maxReasons+1 || record.Reasons["other reasons"] != maxReasons {
		t.Errorf("%d reasons", len(record.Reasons))
	}
}

func TestAcknowledged(t *testing.T) {
	r := NewRecorder(run, 100)
	n, more := r.Acknowledged()
	r.Add(key(1), unanswered(delivery))
	select {
	case <-more:
		t.Error("an operation without an answer is called acknowledged")
	default:
	}
	r.Add(key(2), delivery)
	<-more
	if now, _ := r.Acknowledged(); n != 0 || now != 1 {
		t.Errorf("%d, then %d", n, now)
	}
}

func TestLongest(t *testing.T) {
	r := NewRecorder(run, 1)
	r.Client("a", Client{Pause: 2 * time.Second, Reconnect: time.Second})
	r.Client("b", Client{Pause: time.Second, Reconnect: 3 * time.Second})
	record := r.Record()
	if pause, who := record.LongestPause(); pause != 2*time.Second || who != "a" {
		t.Error(pause, who)
	}
	if took, who := record.LongestReconnect(); took != 3*time.Second || who != "b" {
		t.Error(took, who)
	}
}
