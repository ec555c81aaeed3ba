package imap

// Unauthenticate returns the connection to the state before authentication (RFC 8437).
type Unauthenticate struct{}

func (Unauthenticate) command() {}

func unauthenticateSyntax() extension {
	return extension{verbs: map[string]verb{"UNAUTHENTICATE": {Authenticated | Selected, fixed(Unauthenticate{})}}}
}
