package imap

// CancelUpdate ends the updates of searches, by the tags of their commands (RFC 5267 4.3.5).
type CancelUpdate struct{ Tags []string }

func contextSyntax() extension {
	return extension{
		verbs: map[string]verb{"CANCELUPDATE": {Selected, parseCancelUpdate}},
		searchReturns: map[string]func(*parser, *SearchReturn){
			"CONTEXT": func(_ *parser, r *SearchReturn) { r.Context = true },
			"UPDATE":  func(_ *parser, r *SearchReturn) { r.Update = true },
		},
	}
}

func (CancelUpdate) command() {}

func parseCancelUpdate(p *parser) Command {
	var c CancelUpdate
	for {
		p.sp()
		p.countItem()
		c.Tags = append(c.Tags, p.astring("the tag of a search"))
		if p.err != nil || len(p.line) == 0 {
			return c
		}
	}
}

// CodeNoUpdate says that a search will not be updated, by its tag (RFC 5267 4.3.1). No tag needs quoting inside.
func CodeNoUpdate(tag string) Code { return Code(appendQuoted([]byte("NOUPDATE "), tag)) }

// SearchUpdate is how a result has changed (RFC 5267 4.3.2). The sets are normal; the client keeps them in the order of the
// mailbox.
type SearchUpdate struct {
	Removed, Added Set
}

// Update tells how a result has changed, of which r says whose it is. Nothing is sent where nothing has.
func (e *Encoder) Update(r SearchResult, u SearchUpdate) {
	if len(u.Removed)+len(u.Added) == 0 {
		return
	}
	e.untagged("ESEARCH ")
	e.correlator(&r)
	if r.UID {
		e.buf = append(e.buf, " UID"...)
	}
	e.change(" REMOVEFROM (0 ", u.Removed)
	e.change(" ADDTO (0 ", u.Added)
	e.end()
}

func (e *Encoder) change(how string, s Set) {
	if len(s) > 0 {
		e.buf = append(e.buf, how...)
		e.set(s)
		e.buf = append(e.buf, ')')
	}
}
