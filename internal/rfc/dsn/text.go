package dsn

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// words are what the text part says of an action.
type words struct {
	subject string // before the subject of the message
	intro   string // before the addresses
	after   string // behind them; "" for nothing
}

var wordsOf = map[Action]words{
	Failed: {"Not delivered", "Your message could not be delivered to:",
		"Nothing more will be tried. If you want these people to have the message, send it again once the cause is mended."},
	Delayed: {"Delayed", "Your message has not reached these addresses yet:",
		"You need not do anything: it is tried again and again, and you will be told if it cannot be delivered in the end."},
	Delivered: {"Delivered", "Your message has been delivered to:", "It lies in the mailbox. That says nothing about whether it has been read."},
	Relayed: {"Sent on", "Your message has been handed to the mail server of:",
		"That server does not report deliveries, so you will hear no more, unless it turns the message back later."},
	Expanded: {"Sent on", "Your message has been sent on to all who get the mail for:", "You will be told of those whom it cannot reach."},
}

// subject of the report.
func (m Message) subject(a about) string {
	s := wordsOf[m.Report.worst()].subject
	if a.subject != "" {
		s += ": " + a.subject
	}
	return s
}

// text is what people read. Lines end with a line feed.
func (m Message) text(a about) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This is an automatic message from the mail server %s.\n", printable(m.Report.ReportingMTA))
	for _, action := range actions {
		list := m.Report.of(action)
		if len(list) == 0 {
			continue
		}
		w := wordsOf[action]
		b.WriteString("\n" + wrap("", w.intro))
		for _, r := range list {
			r.writeText(&b)
		}
		b.WriteString("\n" + wrap("", w.after))
	}
	b.WriteString("\nYour message was:\n\n")
	for _, line := range [][2]string{{"Subject", a.subject}, {"To", a.to}, {"Date", a.date}, {"Message-ID", a.id}} {
		if line[1] != "" {
			fmt.Fprintf(&b, "    %s: %s\n", line[0], line[1])
		}
	}
	if !m.Returned.Whole {
		b.WriteString("\n" + wrap("", "Only its header comes back with this report; the message itself is among those you have sent."))
	}
	return b.String()
}

// writeText writes an address, what happened, and what the other server said.
func (r Recipient) writeText(b *strings.Builder) {
	final := printable(r.Final.Text)
	fmt.Fprintf(b, "\n    %s\n", final)
	if o := printable(r.Original.Address); o != "" && !strings.EqualFold(o, final) {
		fmt.Fprintf(b, "    (you wrote to %s)\n", o)
	}
	if r.Action == Failed || r.Action == Delayed {
		b.WriteString("\n" + wrap("      ", r.explain()))
	}
	if r.Action == Delayed && !r.WillRetryUntil.IsZero() {
		b.WriteString("\n" + wrap("      ", "It will be tried until "+r.WillRetryUntil.Format("Mon, 2 Jan 2006 15:04 -0700")+"."))
	}
	if r.Diagnostic != "" && (r.Action == Failed || r.Action == Delayed) {
		who := "The reason in the words of our mail server"
		if r.RemoteMTA != "" {
			who = printable(r.RemoteMTA) + " said"
		}
		b.WriteString("\n" + wrap("      ", who+": "+r.diagnostic()))
	}
}

// explain says what the status means and what can be done.
func (r Recipient) explain() string {
	status := r.status()
	text, known := meanings[[2]int{status[1], status[2]}]
	if !known {
		text, known = meanings[[2]int{status[1], 0}]
	}
	if !known {
		text = meanings[[2]int{0, 0}]
	}
	if r.Action == Failed && status[0] == 4 {
		return "It was tried again and again, until the time for it was over. The last reason: " + text
	}
	return text
}

// meanings are the codes of RFC 3463 and of its registry in words for people, and what those can do.
var meanings = map[[2]int]string{
	{0, 0}:  "The other side did not take the message. What it said is below; its operators can say more.",
	{1, 0}:  "Something is wrong with the address. Compare it with what you were given.",
	{1, 1}:  "There is no mailbox of that name. Check the address for typing errors; if it is right, ask the person for the present one.",
	{1, 2}:  "The part after the @ is no place that takes mail. Check it for typing errors.",
	{1, 3}:  "The address is not written as an address must be. Check it for typing errors.",
	{1, 6}:  "The mailbox has moved, and nobody left the new address. Ask the person for it.",
	{1, 8}:  "The other side does not accept your own address as a sender. Check that it is written right in your mail program.",
	{1, 10}: "The part after the @ says that it takes no mail at all. Check it for typing errors.",
	{2, 0}:  "The mailbox cannot take the message.",
	{2, 1}:  "The mailbox is switched off. Ask the person, by another way, for an address that is in use.",
	{2, 2}:  "The mailbox is full. Tell the person by another way, and send the message again when there is room.",
	{2, 3}:  "The message is larger than this mailbox takes. Send less at once, or a link to what is large.",
	{2, 4}:  "The address is a list, and it cannot be sent on to its members now. Tell its owner.",
	{3, 0}:  "The other mail server has a fault of its own. Its operators must mend it.",
	{3, 1}:  "The other mail server has no room. Send the message again later.",
	{3, 2}:  "The other mail server takes no mail at the moment. Send the message again later.",
	{3, 3}:  "The other mail server cannot handle something that this message needs.",
	{3, 4}:  "The message is larger than the other server takes. Send less at once, or a link to what is large.",
	{4, 0}:  "The way to the other mail server is disturbed.",
	{4, 1}:  "The other mail server does not answer. If others reach it, send the message again later.",
	{4, 2}:  "The connection to the other mail server broke off. Send the message again later.",
	{4, 3}:  "The mail server of the address could not be found out, as a directory (DNS) does not answer.",
	{4, 4}:  "The mail server of the address could not be found out. Check the part after the @ for typing errors.",
	{4, 5}:  "The other mail server has too much to do. Send the message again later.",
	{4, 6}:  "The message goes in circles: servers send it to each other without end. The operators of the address must mend that.",
	{4, 7}:  "It could not be delivered in the time that was given for it. Send the message again later.",
	{5, 0}:  "The two mail servers did not understand each other. Their operators can say more.",
	{5, 3}:  "The message is for more people than the other server takes at once. Send it to fewer at a time.",
	{6, 0}:  "The other side cannot handle the content of the message.",
	{6, 1}:  "The other side does not take a kind of content that is in the message. Send it in another format.",
	{6, 3}:  "The message would have to be converted for the other server, which cannot be done. Send it in another format.",
	{6, 7}:  "The address has letters that the other mail server cannot handle. Ask the person for another address.",
	{7, 0}:  "The other side refuses the message by a rule of its own. What it said is below; the person can ask its operators.",
	{7, 1}:  "The other side does not take mail from you, or takes this message for unwanted mail. Ask the person, by another way, to have it let through.",
	{7, 2}:  "You may not send to this list. Its owner can let you.",
	{7, 4}:  "The message must travel protected, and the other server cannot protect it.",
	{7, 7}:  "The message must travel protected, and the other server could not prove who it is.",
	{7, 8}:  "The other server wants a sign-in that failed.",
	{7, 20}: "The other side found no valid signature of your domain. Tell the operator of your mail server.",
	{7, 23}: "The other side does not let our server send for your domain (SPF). Tell the operator of your mail server.",
	{7, 26}: "The other side could not verify that the message is from you. Tell the operator of your mail server.",
	{7, 30}: "The message must travel protected (REQUIRETLS), and the other server does not promise that.",
}

// wrap breaks text into lines of at most 72 characters, where it has spaces, each after an indent.
func wrap(indent, text string) string {
	const width = 72
	var b strings.Builder
	at := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case at == 0:
			b.WriteString(indent)
			at = len(indent)
		case at+1+n > width:
			b.WriteString("\n" + indent)
			at = len(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	b.WriteByte('\n')
	return b.String()
}
