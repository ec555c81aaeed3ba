package imap

// Dialect is what the client has enabled, which decides how text looks on the wire.
type Dialect struct {
	Rev2       bool // ENABLE IMAP4rev2
	UTF8Accept bool // ENABLE UTF8=ACCEPT (RFC 6855)
	UIDOnly    bool // ENABLE UIDONLY (RFC 9586): no sequence numbers
}

// UTF8 reports whether quoted strings to the client may hold UTF-8 and mailbox names are UTF-8 instead of modified
// UTF-7 (RFC 9051 5.1 and A.1, RFC 6855 3).
func (d Dialect) UTF8() bool { return d.Rev2 || d.UTF8Accept }

// State is the state of a connection (RFC 9051 3). The logout state has none: nothing is read in it.
type State uint8

const (
	NotAuthenticated State = 1 << iota
	Authenticated
	Selected
)

const anyState = NotAuthenticated | Authenticated | Selected

// Limits bound what one command may hold. Zero fields take the values of DefaultLimits.
type Limits struct {
	Line        int   // octets of one line
	Literal     int   // octets of a literal that is a string; message literals have no limit here
	Metadata    int   // octets of the value of an annotation
	Command     int   // octets of all lines and string literals of one command
	Depth       int   // nesting of parentheses and of search keys
	SetElements int   // ranges in one number set
	ListItems   int   // items of one list, and search keys of one command
	Discard     int64 // octets of a refused command that are read and dropped before the connection is given up
}

// DefaultLimits are far above what clients send. RFC 7162 4 asks for lines of at least 8192 octets.
var DefaultLimits = Limits{
	Line:        64 << 10,
	Literal:     64 << 10,
	Metadata:    32 << 10,
	Command:     512 << 10,
	Depth:       100,
	SetElements: 20_000,
	ListItems:   5_000,
	Discard:     128 << 20,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	setDefault(&l.Line, d.Line)
	setDefault(&l.Literal, d.Literal)
	setDefault(&l.Metadata, d.Metadata)
	setDefault(&l.Command, d.Command)
	setDefault(&l.Depth, d.Depth)
	setDefault(&l.SetElements, d.SetElements)
	setDefault(&l.ListItems, d.ListItems)
	setDefault(&l.Discard, d.Discard)
	return l
}

func setDefault[T int | int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}
