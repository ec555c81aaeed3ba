package imap

import (
	"fmt"
	"maps"
)

// extension is what one standard adds to the syntax of commands. Its file has the structs of its commands, their parse
// functions, and one function that returns the extension.
type extension struct {
	verbs          map[string]verb
	searchKeys     map[string]func(*parser) SearchKey // read the arguments of a key, its name is read
	searchReturns  map[string]func(*parser, *SearchReturn)
	fetchItems     map[string]func(*parser) FetchItem // items without a section, likewise
	fetchModifiers map[string]func(*parser, *Fetch)
	listSelections map[string]func(*parser, *ListSelect)
	listReturns    map[string]func(*parser, *ListReturn)
	selectParams   map[string]func(*parser, *Select)
	sortKeys       map[SortBy]bool     // all true
	statusItems    map[StatusItem]bool // all true
}

// verb is how a command is read and in which states it is allowed (RFC 9051 6).
type verb struct {
	states State
	parse  func(*parser) Command
}

// extensions are all there are, in the order of the alphabet: a further one is a line here.
func extensions() []extension {
	return []extension{
		aclSyntax(),
		appendSyntax(),
		compressSyntax(),
		contextSyntax(),
		fetchSyntax(),
		fuzzySyntax(),
		jmapAccessSyntax(),
		listSyntax(),
		mailboxSyntax(),
		messageLimitSyntax(),
		messageSyntax(),
		metadataSyntax(),
		multiSearchSyntax(),
		notifySyntax(),
		partialSyntax(),
		previewSyntax(),
		quotaSyntax(),
		replaceSyntax(),
		saveDateSyntax(),
		searchSyntax(),
		sessionSyntax(),
		sortSyntax(),
		threadSyntax(),
		uidBatchesSyntax(),
		unauthenticateSyntax(),
		withinSyntax(),
		xlistSyntax(),
	}
}

// syntax has all extensions together. It is made when the program starts and never changes. It has no initializer because
// parse functions, which it holds, look into it.
var syntax extension

func init() { syntax = combine(extensions()) }

func combine(all []extension) extension {
	sum := extension{
		verbs:          map[string]verb{},
		searchKeys:     map[string]func(*parser) SearchKey{},
		searchReturns:  map[string]func(*parser, *SearchReturn){},
		fetchItems:     map[string]func(*parser) FetchItem{},
		fetchModifiers: map[string]func(*parser, *Fetch){},
		listSelections: map[string]func(*parser, *ListSelect){},
		listReturns:    map[string]func(*parser, *ListReturn){},
		selectParams:   map[string]func(*parser, *Select){},
		sortKeys:       map[SortBy]bool{},
		statusItems:    map[StatusItem]bool{},
	}
	for _, e := range all {
		add(sum.verbs, e.verbs)
		add(sum.searchKeys, e.searchKeys)
		add(sum.searchReturns, e.searchReturns)
		add(sum.fetchItems, e.fetchItems)
		add(sum.fetchModifiers, e.fetchModifiers)
		add(sum.listSelections, e.listSelections)
		add(sum.listReturns, e.listReturns)
		add(sum.selectParams, e.selectParams)
		add(sum.sortKeys, e.sortKeys)
		add(sum.statusItems, e.statusItems)
	}
	return sum
}

// add is maps.Copy for names that are all different: two extensions that claim one name are a mistake that every test meets.
func add[K comparable, V any](to, from map[K]V) {
	for name := range from {
		if _, taken := to[name]; taken {
			panic(fmt.Sprintf("imap: %v is defined twice", name))
		}
	}
	maps.Copy(to, from)
}

// fixed reads a command without arguments.
func fixed(c Command) func(*parser) Command {
	return func(*parser) Command { return c }
}

// both gives the two forms of a command that has messages by their numbers or, after "UID", by their UIDs.
func both(name string, parse func(p *parser, uid bool) Command) map[string]verb {
	return map[string]verb{
		name:          {Selected, func(p *parser) Command { return parse(p, false) }},
		"UID " + name: {Selected, func(p *parser) Command { return parse(p, true) }},
	}
}
