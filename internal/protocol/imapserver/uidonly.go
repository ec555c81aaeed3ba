package imapserver

import "github.com/mailmesh/mailmesh/internal/rfc/imap"

// uidOnlyExtension lets a client do without sequence numbers (RFC 9586). What it is sent then is the encoder's, by the
// dialect; commands with numbers are refused in carryOut.
func uidOnlyExtension() extension {
	return extension{capabilities: []capability{{name: "UIDONLY", enables: func(s *session) *bool { return &s.dialect.UIDOnly }}}}
}

var uidRequired = reply{imap.BAD, imap.CodeUIDRequired, "after ENABLE UIDONLY messages are named by UID"}
