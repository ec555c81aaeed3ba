package imap

import (
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
)

// Search asks which messages match (RFC 9051 6.4.4).
type Search struct {
	UID     bool
	Return  SearchReturn
	Charset string // in capitals, "" when not given; strings in Key are UTF-8 in any case
	Key     SearchKey
}

// SearchReturn says in which form the result is wanted (RFC 4731). Without Extended the answer is the SEARCH response of
// RFC 3501, and a client that has enabled IMAP4rev2 gets ESEARCH with ALL.
type SearchReturn struct {
	Extended             bool // RETURN was given; an empty list means All
	Min, Max, All, Count bool
	Save                 bool // RFC 5182
	Partial              PartialRange
	Relevancy            bool // RFC 6203 4
	Context              bool // RFC 5267 4.2: a hint that the same will be asked again
	Update               bool // RFC 5267 4.3
}

// Silent reports that no answer is wanted: SAVE stands alone (RFC 9051 6.4.4).
func (r SearchReturn) Silent() bool { return r == SearchReturn{Extended: true, Save: true} }

func searchSyntax() extension {
	return extension{
		verbs:      both("SEARCH", parseSearch),
		searchKeys: searchKeys(),
		searchReturns: map[string]func(*parser, *SearchReturn){
			"MIN":   func(_ *parser, r *SearchReturn) { r.Min = true },
			"MAX":   func(_ *parser, r *SearchReturn) { r.Max = true },
			"ALL":   func(_ *parser, r *SearchReturn) { r.All = true },
			"COUNT": func(_ *parser, r *SearchReturn) { r.Count = true },
			"SAVE":  func(_ *parser, r *SearchReturn) { r.Save = true },
		},
	}
}

func (Search) command() {}

// Saves reports that the result is to be kept as "$" (RFC 5182).
func (s Search) Saves() bool { return s.Return.Save }

func parseSearch(p *parser, uid bool) Command {
	c := Search{UID: uid}
	p.sp()
	word := p.searchWord()
	if word == "RETURN" {
		p.sp()
		p.searchReturn(&c.Return)
		p.sp()
		word = p.searchWord()
	}
	c.Charset, word = p.maybeCharset(word)
	c.Key = p.searchProgram(word)
	p.checkRelevancy(c.Return.Relevancy, c.Key)
	return c
}

// searchProgram takes the keys that all must match, the name of the first of which has been read.
func (p *parser) searchProgram(word string) SearchKey {
	keys := SearchAnd{}
	for p.err == nil {
		keys = keys.with(p.searchKey(word))
		if !p.accept(' ') {
			break
		}
		word = p.searchWord()
	}
	return keys.simplify()
}

func (p *parser) searchReturn(r *SearchReturn) {
	r.Extended = true
	options := p.list(func() {
		name := p.name("a return option")
		read, known := syntax.searchReturns[name]
		if !known {
			p.bad("unknown SEARCH return option " + name)
			return
		}
		read(p, r)
	})
	r.All = r.All || options == 0
	if r.All && r.Partial != (PartialRange{}) {
		p.bad("ALL and PARTIAL exclude each other") // RFC 9394 3.1
	}
}

// maybeCharset takes a charset where the word before was CHARSET, and the next word then.
func (p *parser) maybeCharset(word string) (name, next string) {
	if word != "CHARSET" {
		return "", word
	}
	if p.r.dialect.UTF8Accept { // RFC 6855 3
		p.bad("CHARSET is not allowed after ENABLE UTF8=ACCEPT")
	}
	p.sp()
	name = p.searchCharset()
	p.sp()
	return name, p.searchWord()
}

// searchCharset takes the charset of the strings to come.
func (p *parser) searchCharset() string {
	name := strings.ToUpper(p.astring("a charset"))
	if p.err != nil {
		return ""
	}
	if !charset.Known(name) {
		p.fail(p.r.failure(NO, CodeBadCharset, "this charset is not supported"))
	}
	p.charset = name
	return name
}

// searchText takes a space and a string, and converts it to UTF-8. Without CHARSET it is UTF-8 (RFC 9051 6.4.4), of
// which US-ASCII is a part.
func (p *parser) searchText() string {
	p.sp()
	s := p.astring("a string")
	switch p.charset {
	case "", "UTF-8", "US-ASCII":
	default:
		return charset.Decode(p.charset, []byte(s))
	}
	if !utf8.ValidString(s) {
		p.fail(p.r.failure(NO, CodeBadCharset, "the text to search is not valid UTF-8"))
	}
	return s
}

// searchWord takes the name of a search key, or nothing where a set or a parenthesis stands.
func (p *parser) searchWord() string {
	if c := p.peek(); c == '(' || c == '*' || c == '$' || isDigit(c) {
		return ""
	}
	return p.name("a search key")
}

// searchKey takes a key of which the name has been read.
func (p *parser) searchKey(name string) SearchKey {
	p.enter()
	defer p.leave()
	p.countItem()
	if p.err != nil {
		return SearchAll{}
	}
	switch {
	case name == "" && p.peek() == '(':
		return p.searchGroup()
	case name == "":
		return p.numbers(false)
	}
	parse, known := syntax.searchKeys[name]
	if !known {
		p.bad("unknown search key " + name)
		return SearchAll{}
	}
	return parse(p)
}

// nextKey takes a space and a key.
func (p *parser) nextKey() SearchKey {
	p.sp()
	return p.searchKey(p.searchWord())
}

func (p *parser) searchGroup() SearchKey {
	keys := SearchAnd{}
	p.nonEmpty(p.list(func() { keys = keys.with(p.searchKey(p.searchWord())) }), "a group of search keys")
	return keys.simplify()
}
