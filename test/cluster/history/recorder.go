package history

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Recorder takes down what clients do. It may be used by many at once.
type Recorder struct {
	begin time.Time
	run   string
	most  int

	mu     sync.Mutex
	record Record
	count  int
	marks  map[mark]uint64
	change chan struct{} // closed when an operation has been acknowledged
}

// UID names a message of a mailbox for ever (RFC 9051 2.3.1.1).
type UID struct {
	Account       string
	Place         Place
	Validity, UID uint32
}

// mark names a number that only grows.
type mark struct{ account, of string }

// NewRecorder makes a Recorder for at most so many operations. The tokens of the messages of its run begin with run.
func NewRecorder(run string, most int) *Recorder {
	return &Recorder{
		begin: time.Now(), run: run, most: most, change: make(chan struct{}),
		record: Record{Run: run, Messages: map[Key][]Operation{}, Clients: map[string]Client{}, Reasons: map[string]int{}, Names: map[UID]Key{}},
		marks:  map[mark]uint64{},
	}
}

// Now is the time since the beginning.
func (r *Recorder) Now() time.Duration { return time.Since(r.begin) }

// Full says that no more operations fit: clients stop.
func (r *Recorder) Full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count >= r.most
}

// Add takes down an operation that has come to its end. Those beyond what fits are taken all the same: clients stop soon.
func (r *Recorder) Add(k Key, o Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	r.record.Messages[k] = append(r.record.Messages[k], o)
	r.record.Outcomes[o.Outcome]++
	if o.Outcome == Acknowledged {
		close(r.change)
		r.change = make(chan struct{})
	}
}

// Of is the number of operations on a message so far: clients leave messages alone whose history gets long.
func (r *Recorder) Of(k Key) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.record.Messages[k])
}

// Acknowledged is the number of operations that were, and a channel that is closed at the next.
func (r *Recorder) Acknowledged() (int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record.Outcomes[Acknowledged], r.change
}

// maxReasons bounds the refusals that are told apart.
const maxReasons = 100

// Reason counts why something was not acknowledged.
func (r *Recorder) Reason(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.record.Reasons[text]; !known && len(r.record.Reasons) >= maxReasons {
		text = "other reasons"
	}
	r.record.Reasons[text]++
}

// Repeated counts a delivery that is tried again though the attempt before it may have happened.
func (r *Recorder) Repeated() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Repeated++
}

// Named takes down that a UID names a message, and finds fault where it named another.
func (r *Recorder) Named(client string, p Place, validity, uid uint32, k Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := UID{k.Account, p, validity, uid}
	if was, known := r.record.Names[at]; known && was != k {
		r.find(Finding{Kind: Reused, Key: k, Detail: fmt.Sprintf("%s: UID %d of %s (UIDVALIDITY %d) is %s and was %s", client, uid, p, validity, k.Message, was.Message)})
	}
	r.record.Names[at] = k
}

// Assigned takes down that a message has got a UID, in an operation before which UIDNEXT had been told to be floor. From now on UIDNEXT
// must be greater.
func (r *Recorder) Assigned(client string, p Place, validity, uid uint32, k Key, floor uint64) {
	r.Named(client, p, validity, uid, k)
	if uint64(uid) < floor {
		r.Grown(client, k.Account, p.UIDNext(), floor, uint64(uid))
		return
	}
	r.Grown(client, k.Account, p.UIDNext(), floor, uint64(uid)+1)
}

// Floor is how far a number has been told by now: what is asked from now on must not be below it. See Grown.
func (r *Recorder) Floor(account, of string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.marks[mark{account, of}]
}

// Grown takes down what a client was told of a number that only grows, and finds fault where it is below the Floor of when the
// client asked.
func (r *Recorder) Grown(client, account, of string, floor, value uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value < floor {
		r.find(Finding{Kind: Backward, Key: Key{Account: account}, Detail: fmt.Sprintf("%s: %s is %d and was %d before it was asked for", client, of, value, floor)})
	}
	at := mark{account, of}
	r.marks[at] = max(r.marks[at], value)
}

// Client takes down how a client has fared, in the end.
func (r *Recorder) Client(name string, c Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Clients[name] = c
}

// Replica takes down what a client knows after it has caught up.
func (r *Recorder) Replica(c Replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Replicas = append(r.record.Replicas, c)
}

func (r *Recorder) find(f Finding) {
	if r.record.More += 1; len(r.record.Findings) < MaxFindings {
		r.record.Findings = append(r.record.Findings, f)
		r.record.More--
	}
}

// Record is a copy of what was taken down.
func (r *Recorder) Record() Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.record
	c.Took = time.Since(r.begin)
	c.Messages = maps.Clone(c.Messages)
	c.Names = maps.Clone(c.Names)
	c.Clients = maps.Clone(c.Clients)
	c.Reasons = maps.Clone(c.Reasons)
	c.Replicas = slices.Clone(c.Replicas)
	c.Findings = slices.Clone(c.Findings)
	return c
}

// Record is what was taken down.
type Record struct {
	Run      string // tokens of its messages begin with it
	Took     time.Duration
	Messages map[Key][]Operation
	Outcomes [outcomes]int  // of operations
	Repeated int            // deliveries tried again after an attempt that may have happened
	Reasons  map[string]int // why operations were not acknowledged
	Clients  map[string]Client
	Replicas []Replica
	Names    map[UID]Key // what clients know UIDs to name
	Findings []Finding   // what was wrong while it ran
	More     int         // findings beyond those
}

// Acknowledged is the number of operations that were.
func (r *Record) Acknowledged() int { return r.Outcomes[Acknowledged] }

// LongestPause is the longest that a client had to wait for its next acknowledgement, and which client.
func (r *Record) LongestPause() (pause time.Duration, client string) {
	for name, c := range r.Clients {
		if c.Pause > pause {
			pause, client = c.Pause, name
		}
	}
	return pause, client
}

// LongestReconnect is the longest that a client took from losing its connection to having one again.
func (r *Record) LongestReconnect() (took time.Duration, client string) {
	for name, c := range r.Clients {
		if c.Reconnect > took {
			took, client = c.Reconnect, name
		}
	}
	return took, client
}

// Client is how a client has fared.
type Client struct {
	Acknowledged int
	Connections  int           // opened
	Pause        time.Duration // the longest time without an acknowledgement
	Reconnect    time.Duration // the longest time from losing a connection, or from the beginning, to having one
	Notice       time.Duration // of one that listens: the longest from the acknowledgement of a delivery until it knew
}

// Replica is what a client knows that follows the changes of a mailbox (IMAP) or an account (JMAP, Mailbox empty).
type Replica struct {
	Client, Account, Mailbox string
	UIDValidity              uint32
	Messages                 map[uint32]Flags // by UID
	Emails                   map[string]Email // by JMAP id
	Failed                   string           // why it could not catch up in the end; "": it did
}
