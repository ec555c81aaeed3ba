package imapserver

import "github.com/mailmesh/mailmesh/internal/rfc/imap"

// The same mail is there over JMAP, under the same ids (OBJECTID), for whoever has signed in here: app passwords and passwords are
// good there, too (RFC 9698 3).
func jmapAccessExtension() extension {
	return extension{
		capabilities: []capability{{name: "JMAPACCESS", offered: func(s *session) bool { return s.account != 0 && s.o.JMAP != "" }}},
		commands:     map[string]command{"GETJMAPACCESS": {run: on((*session).getJMAPAccess)}},
	}
}

// getJMAPAccess answers GETJMAPACCESS (RFC 9698 4), with BAD where there is no such door.
func (s *session) getJMAPAccess(imap.GetJMAPAccess) (reply, error) {
	if s.o.JMAP == "" {
		return bad("this server has no JMAP door"), nil
	}
	s.out.JMAPAccess(s.o.JMAP)
	return ok("this is where the session is"), nil
}
