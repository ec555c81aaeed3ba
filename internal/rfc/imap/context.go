package imap

import "strconv"

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

// SearchUpdate is how a result has changed (RFC 5267 4.3.2): what is taken out first, then what is put in, one after the other.
type SearchUpdate struct {
	Removed, Added []Placed
}

// Placed are messages in the order of a result.
type Placed struct {
	At      uint32 // the place of the first one; 0: the client knows, for it is the order of the mailbox
	Numbers Set
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
	e.placed(" REMOVEFROM ", u.Removed)
	e.placed(" ADDTO ", u.Added)
	e.end()
}

func (e *Encoder) placed(how string, all []Placed) {
	if len(all) == 0 {
		return
	}
	e.buf = append(e.buf, how...)
	for i, p := range all {
		e.open(i)
		e.buf = strconv.AppendUint(e.buf, uint64(p.At), 10)
		e.buf = append(e.buf, ' ')
		e.set(p.Numbers)
	}
	e.buf = append(e.buf, ')')
}
