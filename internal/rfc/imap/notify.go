package imap

import "strings"

// Notify says of which events the client wants to hear (RFC 5465 3.1).
type Notify struct {
	Set    bool // false: of none
	Status bool // the numbers of the mailboxes are wanted at once
	Groups []EventGroup
}

// EventGroup is the events that are wanted of some mailboxes.
type EventGroup struct {
	Filter    MailboxFilter
	Mailboxes []string // for FilterSubtree and FilterMailboxes
	Events    Events
	Fetch     []FetchItem // of new messages in the selected mailbox
}

// MailboxFilter chooses mailboxes (RFC 5465 6).
type MailboxFilter string

const (
	FilterSelected        MailboxFilter = "SELECTED"
	FilterSelectedDelayed MailboxFilter = "SELECTED-DELAYED"
	FilterPersonal        MailboxFilter = "PERSONAL"
	FilterInboxes         MailboxFilter = "INBOXES"
	FilterSubscribed      MailboxFilter = "SUBSCRIBED"
	FilterSubtree         MailboxFilter = "SUBTREE"
	FilterMailboxes       MailboxFilter = "MAILBOXES"
)

// Events is a set of the events of RFC 5465 5.
type Events uint8

const (
	MessageNew Events = 1 << iota
	MessageExpunge
	FlagChange
	MailboxName
	SubscriptionChange
	MailboxMetadataChange
	ServerMetadataChange

	MessageEvents = MessageNew | MessageExpunge | FlagChange
)

var eventsByName = map[string]Events{
	"MESSAGENEW": MessageNew, "MESSAGEEXPUNGE": MessageExpunge, "FLAGCHANGE": FlagChange, "MAILBOXNAME": MailboxName,
	"SUBSCRIPTIONCHANGE": SubscriptionChange, "MAILBOXMETADATACHANGE": MailboxMetadataChange,
	"SERVERMETADATACHANGE": ServerMetadataChange,
}

// CodeBadEvent lists the events that there are: RFC 5465 3.1. AnnotationChange is of message annotations, which few have.
const CodeBadEvent Code = "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)"

// CodeNotificationOverflow says that NOTIFY has come to an end (RFC 5465 5.8).
const CodeNotificationOverflow Code = "NOTIFICATIONOVERFLOW"

func (Notify) command() {}

func notifySyntax() extension {
	return extension{verbs: map[string]verb{"NOTIFY": {Authenticated | Selected, parseNotify}}}
}

func parseNotify(p *parser) Command {
	var c Notify
	p.sp()
	switch p.name("SET or NONE") {
	case "NONE":
		return c
	case "SET":
		c.Set = true
	default:
		p.bad("expected SET or NONE")
	}
	p.sp()
	if p.peek() != '(' {
		if p.name("STATUS") != "STATUS" {
			p.bad("expected STATUS or a group of events")
		}
		c.Status = true
		p.sp()
	}
	for {
		p.countItem()
		c.Groups = append(c.Groups, p.eventGroup())
		if p.err != nil || !p.accept(' ') {
			break
		}
	}
	selected := 0
	for _, g := range c.Groups {
		if g.Selected() {
			selected++
		}
	}
	if selected > 1 {
		p.bad("one group only is of the selected mailbox") // RFC 5465 6.1
	}
	return c
}

// Selected reports whether the group is of the selected mailbox, and of no other.
func (g *EventGroup) Selected() bool {
	return g.Filter == FilterSelected || g.Filter == FilterSelectedDelayed
}

func (p *parser) eventGroup() (g EventGroup) {
	p.expect('(')
	g.Filter = MailboxFilter(p.name("which mailboxes"))
	switch g.Filter {
	case FilterSelected, FilterSelectedDelayed, FilterPersonal, FilterInboxes, FilterSubscribed:
	case FilterSubtree, FilterMailboxes:
		p.sp()
		g.Mailboxes = p.mailboxes()
	default:
		p.bad("unknown choice of mailboxes " + string(g.Filter))
	}
	p.sp()
	if p.peek() == '(' {
		p.nonEmpty(p.list(func() { p.event(&g) }), "the list of events")
	} else if p.name("a list of events or NONE") != "NONE" {
		p.bad("expected a list of events or NONE")
	}
	p.expect(')')
	p.checkEvents(&g)
	return g
}

// mailboxes takes a mailbox name, or a list of some.
func (p *parser) mailboxes() (names []string) {
	if p.peek() != '(' {
		return []string{p.mailbox()}
	}
	p.nonEmpty(p.list(func() { names = append(names, p.mailbox()) }), "the list of mailboxes")
	return names
}

func (p *parser) event(g *EventGroup) {
	name := p.name("an event")
	event, known := eventsByName[name]
	if !known && p.err == nil {
		p.fail(p.r.failure(NO, CodeBadEvent, "there is no event "+name[:min(len(name), maxNamed)])) // not BAD: RFC 5465 3.1
		return
	}
	g.Events |= event
	if event == MessageNew && strings.HasPrefix(string(p.line), " (") {
		p.sp()
		p.nonEmpty(p.list(func() { g.Fetch = append(g.Fetch, p.fetchItem(p.fetchName())) }), "the list of items")
	}
}

// checkEvents holds a group to what RFC 5465 5, 6.1 and 8 allow.
func (p *parser) checkEvents(g *EventGroup) {
	switch messages := g.Events & MessageEvents; {
	case messages != 0 && messages&(MessageNew|MessageExpunge) != MessageNew|MessageExpunge:
		p.bad("events of messages need both MessageNew and MessageExpunge")
	case g.Selected() && g.Events != messages:
		p.bad("of the selected mailbox there are only events of messages")
	case !g.Selected() && len(g.Fetch) > 0:
		p.bad("items to fetch are for the selected mailbox only")
	}
}
