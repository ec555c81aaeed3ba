package writing

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// resolver gives the id that "#creationId" stands for.
type resolver func(id string) (string, bool)

// setOf reads a set of JMAP: an object whose values are all true.
func setOf(v ijson.Value, what string) ([]string, *method.Error) {
	var set map[string]bool
	if err := ijson.Strict(v, &set); err != nil || set == nil {
		return nil, method.Bad(what+" is an object whose values are true", what)
	}
	for _, is := range set {
		if !is {
			return nil, method.Bad("the values of "+what+" are true", what)
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}

// mailboxIDs reads the mailboxes that an email is to be in.
func mailboxIDs(v ijson.Value, resolve resolver) ([]mail.MailboxID, *method.Error) {
	names, wrong := setOf(v, "mailboxIds")
	if wrong != nil {
		return nil, wrong
	}
	if len(names) == 0 {
		return nil, method.Bad(mailbox.ErrNowhere.Error(), "mailboxIds")
	}
	ids := make([]mail.MailboxID, 0, len(names))
	for _, name := range names {
		id, wrong := mailboxID(name, resolve)
		if wrong != nil {
			return nil, wrong
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func mailboxID(name string, resolve resolver) (mail.MailboxID, *method.Error) {
	given, known := resolve(name)
	id, err := mail.ParseMailboxID(given)
	if !known || err != nil {
		return 0, method.Bad("there is no mailbox "+quote(name), "mailboxIds")
	}
	return id, nil
}

func quote(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "..."
	}
	return `"` + s + `"`
}

// keywords reads the keywords that an email is to have.
func keywords(v ijson.Value) (mail.Flags, *method.Error) {
	names, wrong := setOf(v, "keywords")
	if wrong != nil {
		return mail.Flags{}, wrong
	}
	return keywordsOf(names)
}

func keywordsOf(names []string) (mail.Flags, *method.Error) {
	if len(names) > mail.MaxKeywords+32 { // more than there can be, those with bits included
		return mail.Flags{}, method.Fail(tooManyKeywords, "%s", mailbox.ErrTooManyKeywords)
	}
	f, err := mail.ParseJMAPKeywords(names)
	switch {
	case err == nil:
		return f, nil
	case mail.Is(err, mail.Limit) && !slices.ContainsFunc(names, func(s string) bool { return len(s) > mail.MaxKeywordLength }):
		return f, method.Fail(tooManyKeywords, "%s", mail.Explain(err))
	}
	return f, method.Bad(mail.Explain(err), "keywords")
}

// utcDate reads a UTCDate (RFC 8620 1.4).
func utcDate(v ijson.Value, what string) (time.Time, *method.Error) {
	at, wrong := date(v, what)
	if wrong == nil && at.Location() != time.UTC {
		wrong = method.Bad(what+" is a date in UTC, such as \"2014-10-30T06:12:00Z\"", what)
	}
	return at, wrong
}

// date reads a Date (RFC 8620 1.4): that of RFC 3339, in capital letters.
func date(v ijson.Value, what string) (time.Time, *method.Error) {
	var text string
	err := ijson.Strict(v, &text)
	if err == nil && text == strings.ToUpper(text) {
		var at time.Time
		if at, err = time.Parse(time.RFC3339, text); err == nil && at.Year() >= 1 {
			return at, nil
		}
	}
	return time.Time{}, method.Bad(what+" is a date such as \"2014-10-30T14:12:00+08:00\"", what)
}

// changeOf reads the patch of an update. Only mailboxIds and keywords can be changed (RFC 8621 4.6); what it says of others is in rest.
func changeOf(id mail.EmailID, patch map[string]ijson.Value, resolve resolver) (c mailbox.EmailChange, rest map[string]ijson.Value, wrong *method.Error) {
	c.Email = id
	var add, remove []string
	rest = map[string]ijson.Value{}
	for _, key := range slices.Sorted(maps.Keys(patch)) {
		path, err := ijson.Tokens("/" + key)
		if err != nil {
			return c, nil, method.Fail(method.InvalidPatch, "%v", err)
		}
		switch {
		case path[0] != "mailboxIds" && path[0] != "keywords":
			rest[key] = patch[key]
		case len(path) == 1:
			wrong = replace(&c, path[0], patch[key], resolve)
		case len(path) > 2:
			wrong = method.Fail(method.InvalidPatch, "%s leads into what is no object", quote(key))
		case patch[path[0]] != nil:
			wrong = method.Fail(method.InvalidPatch, "%s is the beginning of %s", quote(path[0]), quote(key))
		case path[0] == "mailboxIds":
			wrong = patchMailbox(&c, path[1], patch[key], resolve)
		default:
			wrong = patchKeyword(&add, &remove, path[1], patch[key])
		}
		if wrong != nil {
			return c, nil, wrong
		}
	}
	if c.Add, wrong = keywordsOf(add); wrong == nil {
		c.Remove, wrong = keywordsOf(remove)
	}
	return c, rest, wrong
}

// replace sets a whole property. Null is its default: no keywords, and no mailboxes, which is wrong.
func replace(c *mailbox.EmailChange, property string, v ijson.Value, resolve resolver) (wrong *method.Error) {
	if property == "mailboxIds" {
		c.Mailboxes, wrong = mailboxIDs(v, resolve)
		return wrong
	}
	var f mail.Flags
	if !ijson.IsNull(v) {
		f, wrong = keywords(v)
	}
	c.Keywords = &f
	return wrong
}

// patched reads the value of a patch of a set: true, or null, which takes the member out.
func patched(property string, v ijson.Value) (in bool, wrong *method.Error) {
	switch {
	case ijson.IsNull(v):
		return false, nil
	case string(v) == "true":
		return true, nil
	}
	return false, method.Bad("the values of "+property+" are true, or null in a patch", property)
}

func patchMailbox(c *mailbox.EmailChange, name string, v ijson.Value, resolve resolver) *method.Error {
	in, wrong := patched("mailboxIds", v)
	if wrong != nil {
		return wrong
	}
	id, wrong := mailboxID(name, resolve)
	switch {
	case in && wrong != nil:
		return wrong
	case in:
		c.Into = append(c.Into, id)
	case wrong == nil:
		c.OutOf = append(c.OutOf, id)
	}
	return nil // to take it out of where it cannot be changes nothing
}

func patchKeyword(add, remove *[]string, name string, v ijson.Value) *method.Error {
	in, wrong := patched("keywords", v)
	if in {
		*add = append(*add, name)
	} else {
		*remove = append(*remove, name)
	}
	return wrong
}
