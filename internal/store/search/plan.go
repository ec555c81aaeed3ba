package search

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// Scope is the mailbox a query is asked in, as the client sees it.
type Scope struct {
	Messages uint32   // highest sequence number
	HighUID  mail.UID // highest UID in use
	Saved    imap.Set // what "$" stands for, UIDs (RFC 5182)
}

// cost is what a key needs to be decided, from what the view of a mailbox holds to the whole content.
type cost int

const (
	byView cost = iota
	byRow
	byContent
)

// Query is a planned search.
type Query struct {
	key   imap.SearchKey
	cost  cost
	scans int
}

// Plan makes a query ready to be asked in a mailbox.
func Plan(key imap.SearchKey, in Scope) Query {
	key, c := plan(key, in)
	return Query{key, c, scans(key)}
}

// Scans is how often a message may be read through: once for each key that looks into its content.
func (q Query) Scans() int { return q.scans }

func scans(key imap.SearchKey) (n int) {
	switch k := key.(type) {
	case imap.SearchAnd:
		for _, inner := range k {
			n += scans(inner)
		}
	case imap.SearchOr:
		for _, inner := range k {
			n += scans(inner)
		}
	case imap.SearchNot:
		n = scans(k.Key)
	default:
		if _, c := plan(key, Scope{}); c == byContent {
			n = 1
		}
	}
	return n
}

// NeedsRow and NeedsContent report what at least one message may need.
func (q Query) NeedsRow() bool     { return q.cost >= byRow }
func (q Query) NeedsContent() bool { return q.cost >= byContent }

func plan(key imap.SearchKey, in Scope) (imap.SearchKey, cost) {
	switch k := key.(type) {
	case imap.SearchAnd:
		keys, c := planAll(k, in)
		return imap.SearchAnd(keys), c
	case imap.SearchOr:
		keys, c := planAll(k, in)
		return imap.SearchOr(keys), c
	case imap.SearchNot:
		inner, c := plan(k.Key, in)
		return imap.SearchNot{Key: inner}, c
	case imap.Numbers:
		return numbers(k, in), byView
	case imap.SearchText:
		return k, textCost(k)
	case imap.SearchHeader:
		return k, byContent
	case imap.SearchObjectID:
		if k.Thread {
			return k, byRow
		}
		return k, byView
	case imap.SearchDate:
		if k.Sent {
			return k, byRow
		}
		return k, byView
	}
	return key, byView
}

// planAll plans keys of which each can decide alone, the cheap ones first.
func planAll(keys []imap.SearchKey, in Scope) ([]imap.SearchKey, cost) {
	type planned struct {
		key  imap.SearchKey
		cost cost
	}
	all := make([]planned, len(keys))
	highest := byView
	for i, k := range keys {
		all[i].key, all[i].cost = plan(k, in)
		highest = max(highest, all[i].cost)
	}
	slices.SortStableFunc(all, func(a, b planned) int { return int(a.cost - b.cost) })
	out := make([]imap.SearchKey, len(all))
	for i, p := range all {
		out[i] = p.key
	}
	return out, highest
}

func textCost(k imap.SearchText) cost {
	switch {
	case k.Value == "":
		return byView // matches all
	case k.In == imap.InBody || k.In == imap.InText:
		return byContent
	}
	return byRow
}

// numbers resolves a set. "$" becomes the UIDs it stands for.
func numbers(n imap.Numbers, in Scope) imap.Numbers {
	switch {
	case n.Saved:
		return imap.Numbers{UID: true, Set: in.Saved}
	case n.UID:
		return imap.Numbers{UID: true, Set: n.Set.Resolve(uint32(in.HighUID))}
	}
	return imap.Numbers{Set: n.Set.Resolve(in.Messages)}
}
