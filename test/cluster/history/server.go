package history

// Server is what the servers keep, read after all has come to rest.
type Server struct {
	Accounts map[string]*Account
}

// Account is one account: its mailboxes by name as IMAP lists them, its emails by id as JMAP does.
type Account struct {
	Mailboxes map[string]*Mailbox
	Emails    map[string]Email
	Claims    []Claim // of the account: what quotas say is used
}

// Mailbox is the listing of one.
type Mailbox struct {
	UIDValidity uint32
	Messages    []Message // in the order of their numbers
	Claims      []Claim
}

// Message is one line of a listing. The token is "" for a message without a Message-ID of a load.
type Message struct {
	UID     uint32
	Token   string
	Flags   Flags
	Deleted bool
	Size    int64
	Damage  string // what is wrong with its bytes, "" for nothing
}

// Email is a message as JMAP sees it.
type Email struct {
	Token  string
	In     Places
	Others int // mailboxes that the load does not know
	Flags  Flags
	Size   int64
	Thread string
}

// Claim is a number that a server tells, which must be what is counted.
type Claim struct {
	By    string // who says it: "STATUS at 127.0.0.1:1143"
	Of    Counter
	Value uint64
}

// Counter is what a Claim counts.
type Counter string

const (
	Messages      Counter = "messages"       // of a mailbox, or an account
	Shown         Counter = "shown"          // of a mailbox, without \Deleted: messages as JMAP counts them
	Unseen        Counter = "unseen"         // of a mailbox, without \Seen
	Unread        Counter = "unread"         // of a mailbox, without \Seen and \Deleted
	Deleted       Counter = "deleted"        // of a mailbox, with \Deleted
	Size          Counter = "size"           // octets of a mailbox
	UIDNext       Counter = "UIDNEXT"        // greater than every UID
	Emails        Counter = "emails"         // of an account
	Octets        Counter = "octets"         // of the emails of an account
	KiB           Counter = "KiB"            // the same in units of 1,024, rounded up or down
	Threads       Counter = "threads"        // of a mailbox
	UnreadThreads Counter = "unread threads" // of a mailbox
)
