package history

import (
	"maps"
	"slices"
)

// counters compares every claim with what is listed.
func (c *checker) counters() {
	for address, a := range c.server.Accounts {
		emails, octets := a.holds()
		for _, claim := range a.Claims {
			counted := emails
			switch claim.Of {
			case Octets:
				counted = octets
			case KiB: // RFC 9208 5.1: units of 1,024 octets; which way to round it does not say
				counted = octets / 1024
				if claim.Value == (octets+1023)/1024 {
					continue
				}
			}
			c.claim(Key{Account: address}, "the account", claim, counted)
		}
		for name, m := range a.Mailboxes {
			for _, claim := range m.Claims {
				c.mailboxClaim(address, name, a, m, claim)
			}
		}
	}
}

// holds counts the emails of an account, with those that JMAP does not show, because they have \Deleted wherever they are.
func (a *Account) holds() (emails, octets uint64) {
	counted := map[string]bool{}
	for _, e := range a.Emails {
		emails++
		octets += uint64(e.Size)
		counted[e.Token] = true
	}
	for _, m := range a.Mailboxes {
		for _, msg := range m.Messages {
			if msg.Deleted && (msg.Token == "" || !counted[msg.Token]) {
				emails++
				octets += uint64(msg.Size)
				counted[msg.Token] = true
			}
		}
	}
	return emails, octets
}

func (c *checker) claim(k Key, what string, claim Claim, counted uint64) {
	if claim.Value != counted {
		c.find(Miscounted, k, "%s: %s says %d %s, %d are there", what, claim.By, claim.Value, claim.Of, counted)
	}
}

func (c *checker) mailboxClaim(address, name string, a *Account, m *Mailbox, claim Claim) {
	var counted uint64
	switch claim.Of {
	case UIDNext:
		for _, msg := range m.Messages {
			if uint64(msg.UID) >= claim.Value {
				c.find(Backward, Key{Account: address}, "%s: %s says UIDNEXT %d, and UID %d is there", name, claim.By, claim.Value, msg.UID)
			}
		}
		return
	case Threads, UnreadThreads:
		counted = a.threads(name, claim.Of == UnreadThreads)
	default:
		for _, msg := range m.Messages {
			switch {
			case claim.Of == Size:
				counted += uint64(msg.Size)
			case claim.Of == Messages, claim.Of == Unseen && msg.Flags&Seen == 0, claim.Of == Deleted && msg.Deleted,
				claim.Of == Shown && !msg.Deleted, claim.Of == Unread && !msg.Deleted && msg.Flags&Seen == 0:
				counted++
			}
		}
	}
	c.claim(Key{Account: address}, name, claim, counted)
}

// threads counts the threads with an email in a mailbox, or those of them with an unread email anywhere (RFC 8621 2).
func (a *Account) threads(mailbox string, unread bool) uint64 {
	p, _ := PlaceOf(mailbox)
	here, open := map[string]bool{}, map[string]bool{}
	for _, e := range a.Emails {
		if e.In.Has(p) {
			here[e.Thread] = true
		}
		if e.Flags&Seen == 0 {
			open[e.Thread] = true
		}
	}
	n := uint64(0)
	for thread := range here {
		if !unread || open[thread] {
			n++
		}
	}
	return n
}

// listings checks each listing by itself, and that IMAP and JMAP list the same, but for what has \Deleted, which JMAP does not show.
func (c *checker) listings() {
	for address, a := range c.server.Accounts {
		byIMAP := map[string]Email{}
		for _, name := range slices.Sorted(maps.Keys(a.Mailboxes)) {
			p, known := PlaceOf(name)
			last := uint32(0)
			for _, msg := range a.Mailboxes[name].Messages {
				if msg.UID <= last {
					c.find(Backward, Key{address, msg.Token}, "%s lists UID %d after UID %d", name, msg.UID, last)
				}
				last = msg.UID
				if known && !msg.Deleted && c.mine(msg.Token) {
					e := byIMAP[msg.Token]
					byIMAP[msg.Token] = Email{Token: msg.Token, In: e.In | In(p), Flags: msg.Flags, Size: msg.Size}
				}
			}
		}
		c.sameEmails(address, byIMAP, a.Emails)
	}
}

func (c *checker) sameEmails(address string, byIMAP map[string]Email, emails map[string]Email) {
	byJMAP := map[string]Email{}
	for _, e := range emails {
		if c.mine(e.Token) {
			byJMAP[e.Token] = Email{Token: e.Token, In: e.In, Flags: e.Flags, Size: e.Size}
		}
	}
	for token, e := range byIMAP {
		if j, ok := byJMAP[token]; !ok || j != e {
			c.find(Disagreeing, Key{address, token}, "IMAP: in %s with %s, %d octets; JMAP: in %s with %s, %d octets", e.In, e.Flags, e.Size, j.In, j.Flags, j.Size)
		}
	}
	for token, j := range byJMAP {
		if _, ok := byIMAP[token]; !ok {
			c.find(Disagreeing, Key{address, token}, "IMAP: nowhere; JMAP: in %s with %s", j.In, j.Flags)
		}
	}
}

// replicas compares what clients know with what is there. Each client's first difference is told.
func (c *checker) replicas() {
	for _, r := range c.record.Replicas {
		k := Key{Account: r.Account}
		a := c.server.Accounts[r.Account]
		switch {
		case r.Failed != "":
			c.find(Diverged, k, "%s could not catch up: %s", r.Client, r.Failed)
		case a == nil:
			c.find(Diverged, k, "%s: the account was not read", r.Client)
		case r.Mailbox == "":
			c.emails(r, a)
		default:
			c.mailbox(r, a.Mailboxes[r.Mailbox])
		}
	}
}

func (c *checker) mailbox(r Replica, m *Mailbox) {
	if m == nil {
		m = &Mailbox{}
	}
	there := map[uint32]Flags{}
	tokens := map[uint32]string{}
	for _, msg := range m.Messages {
		there[msg.UID], tokens[msg.UID] = msg.Flags, msg.Token
	}
	if r.UIDValidity != m.UIDValidity {
		c.find(Diverged, Key{Account: r.Account}, "%s has UIDVALIDITY %d of %s, the server %d", r.Client, r.UIDValidity, r.Mailbox, m.UIDValidity)
		return
	}
	for _, uid := range slices.Sorted(maps.Keys(r.Messages)) {
		if flags, ok := there[uid]; !ok || flags != r.Messages[uid] {
			c.find(Diverged, Key{r.Account, tokens[uid]}, "%s has UID %d of %s with %s, the server %s", r.Client, uid, r.Mailbox, r.Messages[uid], or(ok, flags.String()))
			return
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(there)) {
		if _, ok := r.Messages[uid]; !ok {
			c.find(Diverged, Key{r.Account, tokens[uid]}, "%s does not know UID %d of %s", r.Client, uid, r.Mailbox)
			return
		}
	}
}

func or(ok bool, s string) string {
	if ok {
		return "with " + s
	}
	return "has not"
}

func (c *checker) emails(r Replica, a *Account) {
	for id, e := range r.Emails {
		if s, ok := a.Emails[id]; !ok || s.In != e.In || s.Flags != e.Flags {
			c.find(Diverged, Key{r.Account, s.Token}, "%s has email %s in %s with %s, the server in %s %s", r.Client, id, e.In, e.Flags, s.In, or(ok, s.Flags.String()))
			return
		}
	}
	for id, s := range a.Emails {
		if _, ok := r.Emails[id]; !ok {
			c.find(Diverged, Key{r.Account, s.Token}, "%s does not know email %s", r.Client, id)
			return
		}
	}
}
