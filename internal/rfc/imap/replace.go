package imap

// Replace puts a message into a mailbox in place of one of the selected mailbox (RFC 8508). Its Append has one message.
type Replace struct {
	Numbers // one number, which may be Star where it is no UID
	*Append
}

func (Replace) command() {}

func replaceSyntax() extension { return extension{verbs: both("REPLACE", parseReplace)} }

func parseReplace(p *parser, uid bool) Command {
	p.sp()
	c := Replace{Numbers: Numbers{UID: uid, Set: p.set("a message number")}}
	if len(c.Set) != 1 || c.Set[0].Start != c.Set[0].Stop || uid && c.Set.Dynamic() {
		p.bad("REPLACE takes the number of one message")
	}
	p.sp()
	c.Append = p.append()
	c.single = true
	return c
}
