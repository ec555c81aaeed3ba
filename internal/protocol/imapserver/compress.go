package imapserver

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// compressExtension is RFC 4978.
func compressExtension() extension {
	return extension{
		capabilities: []capability{
			{name: "COMPRESS=DEFLATE", offered: func(s *session) bool { return !s.stranger() && s.wire.packed == nil }},
		},
		commands: map[string]command{"COMPRESS": {run: with((*session).compress)}},
	}
}

const compressed = "compressed from here on"

// compress goes on with a connection that is compressed in both directions, below TLS. What compresses secrets of one side
// together with text of another tells their length (RFC 4978 6): a mailbox's owner is the only one who chooses what is sent
// here, and may have compression or not.
func (s *session) compress(r imap.Request, c imap.Compress) (reply, error) {
	switch {
	case s.wire.packed != nil:
		return bad("the connection is compressed already"), nil
	case !strings.EqualFold(c.Mechanism, "DEFLATE"):
		return bad("DEFLATE is the one way of compressing here"), nil
	}
	s.out.Tagged(r.Tag, imap.OK, "", compressed)
	if err := s.out.Flush(); err != nil {
		return reply{}, err
	}
	s.wire.compress()
	s.log.Debug("imap: compressing")
	return reply{}, nil
}
