package message

// Limits bound what a Parser keeps. A zero field means its default.
type Limits struct {
	// Depth is how many multiparts and embedded messages may stand in each other, at most MaxDepth; deeper ones are not
	// looked into.
	Depth int
	// Parts is the largest number of parts. Delimiter lines after it are taken as text of the last part.
	Parts int
	// FieldBytes is how much is kept of one header field; the rest of it is ignored. A parameter or address cut off
	// there is read as it stands.
	FieldBytes int
	// HeaderBytes is how much is kept of all headers of a message, those of its parts included. Only the fields that
	// the result is made of are kept and count. Fields after it are treated as absent.
	HeaderBytes int
	// Addresses is how many addresses are kept of all headers of a message.
	Addresses int
}

// The default limits.
const (
	DefaultDepth       = 100
	DefaultParts       = 10000
	DefaultFieldBytes  = 64 << 10
	DefaultHeaderBytes = 512 << 10
	DefaultAddresses   = 10000
)

// MaxDepth is the largest Limits.Depth. Trees are walked by recursion.
const MaxDepth = 500

// maxBoundary is the longest boundary that is searched for. RFC 2046 5.1.1 allows 70 characters.
const maxBoundary = 512

func (l Limits) withDefaults() Limits {
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	set(&l.Depth, DefaultDepth)
	l.Depth = min(l.Depth, MaxDepth)
	set(&l.Parts, DefaultParts)
	set(&l.FieldBytes, DefaultFieldBytes)
	set(&l.HeaderBytes, DefaultHeaderBytes)
	set(&l.Addresses, DefaultAddresses)
	return l
}

// Truncation says which limits a message reached, so that the reader of a result knows that there was more.
type Truncation uint8

const (
	TruncatedDepth Truncation = 1 << iota
	TruncatedParts
	TruncatedHeader
	TruncatedAddresses
)
