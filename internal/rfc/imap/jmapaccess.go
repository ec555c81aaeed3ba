package imap

// GetJMAPAccess asks where the same mail is found over JMAP (RFC 9698 4).
type GetJMAPAccess struct{}

func (GetJMAPAccess) command() {}

func jmapAccessSyntax() extension {
	return extension{verbs: map[string]verb{"GETJMAPACCESS": {Authenticated | Selected, fixed(GetJMAPAccess{})}}}
}

// JMAPAccess tells the URL of the JMAP session.
func (e *Encoder) JMAPAccess(url string) {
	e.untagged("JMAPACCESS")
	e.buf = append(e.buf, ' ')
	e.string(url)
	e.end()
}
