package imap

// Compress asks for a compressed connection (RFC 4978 3).
type Compress struct{ Mechanism string }

func (Compress) command() {}

func compressSyntax() extension {
	return extension{verbs: map[string]verb{"COMPRESS": {Authenticated | Selected, parseCompress}}}
}

func parseCompress(p *parser) Command {
	p.sp()
	return Compress{Mechanism: p.atom("a way of compressing", isAtom)}
}
