package imap

// XList is LIST as Gmail had it before RFC 6154: it tells the special uses of mailboxes, under names of its own.
type XList struct{ Reference, Pattern string }

func (XList) command() {}

func xlistSyntax() extension {
	return extension{verbs: map[string]verb{"XLIST": {Authenticated | Selected, parseXList}}}
}

func parseXList(p *parser) Command {
	c := parseLsub(p).(Lsub)
	return XList(c)
}

// XList tells of one mailbox.
func (e *Encoder) XList(m ListEntry) {
	e.untagged("XLIST ")
	e.listEntry(m)
	e.end()
}
