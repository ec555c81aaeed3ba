package imap

import "strconv"

// ESearch asks which messages of several mailboxes match (RFC 7377).
type ESearch struct {
	In      []SearchSource // none given: the selected mailbox
	Return  SearchReturn   // Extended in any case
	Charset string         // in capitals, "" when not given
	Key     SearchKey
}

// SearchSource chooses mailboxes to be searched (RFC 7377 2.2).
type SearchSource struct {
	Filter    MailboxFilter
	Mailboxes []string // for FilterSubtree, FilterSubtreeOne and FilterMailboxes
}

// FilterSubtreeOne is a mailbox and what is one level below it (RFC 7377 2.2).
const FilterSubtreeOne MailboxFilter = "SUBTREE-ONE"

func multiSearchSyntax() extension {
	return extension{verbs: map[string]verb{"ESEARCH": {Authenticated | Selected, parseESearch}}}
}

func (ESearch) command() {}

// Saves reports that the result is to be kept as "$" (RFC 5182).
func (s ESearch) Saves() bool { return s.Return.Save }

// OnlySelected reports that no mailbox but the selected one is asked for.
func (s ESearch) OnlySelected() bool {
	for _, f := range s.In {
		if f.Filter != FilterSelected {
			return false
		}
	}
	return true
}

func parseESearch(p *parser) Command {
	var c ESearch
	p.sp()
	word := p.searchWord()
	if word == "IN" {
		p.sp()
		p.nonEmpty(p.list(func() { c.In = append(c.In, p.searchSource()) }), "the list of mailboxes")
		p.sp()
		word = p.searchWord()
	}
	if word == "RETURN" {
		p.sp()
		p.searchReturn(&c.Return)
		p.sp()
		word = p.searchWord()
	} else {
		c.Return = SearchReturn{Extended: true, All: true} // RFC 7377 2.1
	}
	c.Charset, word = p.maybeCharset(word)
	c.Key = p.searchProgram(word)
	p.checkRelevancy(c.Return.Relevancy, c.Key)
	return c
}

func (p *parser) searchSource() SearchSource {
	f := SearchSource{Filter: MailboxFilter(p.name("which mailboxes"))}
	switch f.Filter {
	case FilterSelected, FilterInboxes, FilterPersonal, FilterSubscribed:
	case FilterSubtree, FilterSubtreeOne, FilterMailboxes:
		p.sp()
		f.Mailboxes = p.mailboxes()
	default:
		p.bad("unknown choice of mailboxes " + string(f.Filter))
	}
	return f
}

// correlator tells which search, and of which mailbox, a result is.
func (e *Encoder) correlator(r *SearchResult) {
	e.buf = append(e.buf, "(TAG "...)
	e.string(r.Tag)
	if r.Mailbox != "" {
		e.buf = append(e.buf, " MAILBOX "...)
		e.mailbox(r.Mailbox)
		e.buf = append(e.buf, " UIDVALIDITY "...)
		e.buf = strconv.AppendUint(e.buf, uint64(r.UIDValidity), 10)
	}
	e.buf = append(e.buf, ')')
}
