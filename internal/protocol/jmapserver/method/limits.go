package method

// Limits of a request. Those of RFC 8620 2 stand in the session; none is lower than the RFC suggests.
const (
	MaxSizeRequest        = 10_000_000
	MaxConcurrentRequests = 8 // of a user
	MaxCallsInRequest     = 32
	MaxObjectsInGet       = 500
	MaxObjectsInSet       = 500

	// MaxSizeResponse bounds what a request makes the server hold: once the responses are larger, further calls are answered
	// requestTooLarge, and so is a call that changes nothing and would by itself exceed it.
	MaxSizeResponse = 32 << 20

	// MaxWork is how many bytes of bodies the calls of a request may make the server read (Call.Work).
	MaxWork = 2 << 30

	maxFollow = 4 // calls may follow from calls so deep
	maxID     = 255
)

// CheckGet refuses what is more than a /get may ask for.
func CheckGet(ids int) error {
	if ids > MaxObjectsInGet {
		return Fail(RequestTooLarge, "a call gets at most %d objects, not %d", MaxObjectsInGet, ids)
	}
	return nil
}

// Check refuses what is more than a /set may change.
func (a *SetArgs) Check() error {
	if n := len(a.Create) + len(a.Update) + len(a.Destroy); n > MaxObjectsInSet {
		return Fail(RequestTooLarge, "a call creates, updates and destroys at most %d objects, not %d", MaxObjectsInSet, n)
	}
	return nil
}

// IsID reports whether a text may be an id (RFC 8620 1.2).
func IsID(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxID
}
