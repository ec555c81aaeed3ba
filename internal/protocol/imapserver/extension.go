package imapserver

import (
	"errors"
	"fmt"
	"maps"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// extension is what one standard, or one family of commands, adds to the door. Its file has one function that returns it.
type extension struct {
	capabilities []capability
	commands     map[string]command // by imap.Request.Name
	fetchItems   map[imap.FetchKind]fetchItem
	statusItems  map[imap.StatusItem]statusItem
	listReturns  []listReturn
	searchKeys   []searchKey
}

// searchKey returns the query that a search key stands for, or nil for a key that is not its own.
type searchKey func(*session, imap.SearchKey) search.Key

// extensions are all there are; a further one is a line here. Capabilities are announced in this order.
func extensions() []extension {
	return []extension{
		accessExtension(),
		aclExtension(),
		appendExtension(),
		catenateExtension(),
		changeExtension(),
		compressExtension(),
		contextExtension(),
		fetchExtension(),
		fuzzyExtension(),
		idleExtension(),
		inProgressExtension(),
		jmapAccessExtension(),
		listExtension(),
		mailboxExtension(),
		messageLimitExtension(),
		metadataExtension(),
		multiSearchExtension(),
		notifyExtension(),
		partialExtension(),
		previewExtension(),
		quotaExtension(),
		replaceExtension(),
		resyncExtension(),
		saveDateExtension(),
		searchExtension(),
		selectExtension(),
		sortExtension(),
		threadExtension(),
		uidBatchesExtension(),
		uidOnlyExtension(),
		unauthenticateExtension(),
		withinExtension(),
		xlistExtension(),
	}
}

// combine makes one extension of all. Two that claim the same name are a mistake that every test meets.
func combine(all []extension) (extension, error) {
	sum := extension{commands: map[string]command{}, fetchItems: map[imap.FetchKind]fetchItem{}, statusItems: map[imap.StatusItem]statusItem{}}
	for _, e := range all {
		sum.capabilities = append(sum.capabilities, e.capabilities...)
		sum.listReturns = append(sum.listReturns, e.listReturns...)
		sum.searchKeys = append(sum.searchKeys, e.searchKeys...)
		err := errors.Join(add(sum.commands, e.commands), add(sum.fetchItems, e.fetchItems), add(sum.statusItems, e.statusItems))
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func add[K comparable, V any](to, from map[K]V) error {
	for name := range from {
		if _, taken := to[name]; taken {
			return fmt.Errorf("%v is defined twice", name)
		}
	}
	maps.Copy(to, from)
	return nil
}

// command is how a command is carried out. rfc/imap has checked that the state of the session allows it.
type command struct {
	run func(*session, imap.Request) (reply, error)

	// looks: it is about messages of the selected mailbox, and must see what other sessions were told is done.
	looks bool
	// holds: messages keep their numbers while it runs (RFC 9051 7.5.1), unless it has none.
	holds bool
	// byNumber reports whether a command names messages by their numbers; nil: all do whose name does not begin with UID.
	byNumber func(imap.Command) bool
	// tellsAll: it leaves nothing to report about the selected mailbox.
	tellsAll bool
	// waits: it lasts as long as the client wants, which says nothing of the server.
	waits bool
}

// on makes a handler of a method that needs no more than the command.
func on[C imap.Command](run func(*session, C) (reply, error)) func(*session, imap.Request) (reply, error) {
	return func(s *session, r imap.Request) (reply, error) { return run(s, r.Command.(C)) }
}

// with is on for a method that needs the request, for its tag or the names as they were given.
func with[C imap.Command](run func(*session, imap.Request, C) (reply, error)) func(*session, imap.Request) (reply, error) {
	return func(s *session, r imap.Request) (reply, error) { return run(s, r, r.Command.(C)) }
}

// run carries a command out.
func (s *session) run(r imap.Request) (reply, error) {
	c, known := s.server.offers.commands[r.Name]
	if !known {
		return bad(r.Name + " is not known here"), nil
	}
	return c.run(s, r)
}
