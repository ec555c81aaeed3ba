// Package field is the header fields of an Email as JMAP names them (RFC 8621 4.1.2 and 4.1.3): which property stands for which
// field, in which parsed form, and which forms a field may be read or set in.
package field

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Form is a way to show the value of a field (RFC 8621 4.1.2).
type Form uint8

const (
	Raw Form = iota
	Text
	Addresses
	GroupedAddresses
	MessageIDs
	Date
	URLs
)

var formNames = []string{"Raw", "Text", "Addresses", "GroupedAddresses", "MessageIds", "Date", "URLs"}

func (f Form) String() string { return formNames[f] }

// Property is a property of an Email or an EmailBodyPart that stands for a header field.
type Property struct {
	Key  string // the property's name as it was written
	Name string // of the field, in the case it was written in
	Form Form
	All  bool // every field of the name, in an array; else the last one
}

// Address is an EmailAddress (RFC 8621 4.1.2.3).
type Address struct {
	Name  *string `json:"name"`
	Email string  `json:"email"`
}

// addressList is a value of the form Addresses.
type addressList []Address

// AppendJSON writes it. A page of mail has hundreds.
func (l addressList) AppendJSON(dst []byte) ([]byte, error) {
	return ijson.AppendArray(dst, l, func(dst []byte, a Address) (_ []byte, err error) {
		var name any
		if a.Name != nil {
			name = *a.Name
		}
		if dst, err = ijson.AppendMember(append(dst, '{'), "name", name); err != nil {
			return dst, err
		}
		dst, err = ijson.AppendMember(dst, "email", a.Email)
		return append(dst, '}'), err
	})
}

// Group is an EmailAddressGroup (RFC 8621 4.1.2.4). Its Name is nil for addresses that belong to none.
type Group struct {
	Name      *string   `json:"name"`
	Addresses []Address `json:"addresses"`
}

// named are the properties that RFC 8621 4.1.3 defines for what clients need most.
var named = map[string]Property{
	"messageId":  {Name: "Message-ID", Form: MessageIDs},
	"inReplyTo":  {Name: "In-Reply-To", Form: MessageIDs},
	"references": {Name: "References", Form: MessageIDs},
	"sender":     {Name: "Sender", Form: Addresses},
	"from":       {Name: "From", Form: Addresses},
	"to":         {Name: "To", Form: Addresses},
	"cc":         {Name: "Cc", Form: Addresses},
	"bcc":        {Name: "Bcc", Form: Addresses},
	"replyTo":    {Name: "Reply-To", Form: Addresses},
	"subject":    {Name: "Subject", Form: Text},
	"sentAt":     {Name: "Date", Form: Date},
}

// Named finds a property such as "from" or "sentAt".
func Named(key string) (Property, bool) {
	p, ok := named[key]
	p.Key = key
	return p, ok
}

// Prefix begins the properties that Parse reads.
const Prefix = "header:"

var (
	errName  = errors.New("the name of a header field is printable US-ASCII without space and colon")
	errForm  = errors.New("the forms are asText, asAddresses, asGroupedAddresses, asMessageIds, asDate and asURLs, and :all comes behind them")
	addressy = []Form{Addresses, GroupedAddresses}
)

// allowed are the parsed forms of the fields that RFC 5322 and RFC 2369 define. All others may have any (RFC 8621 4.1.2).
var allowed = map[string][]Form{
	"subject": {Text}, "comments": {Text}, "keywords": {Text},
	"from": addressy, "sender": addressy, "reply-to": addressy, "to": addressy, "cc": addressy, "bcc": addressy,
	"resent-from": addressy, "resent-sender": addressy, "resent-reply-to": addressy, "resent-to": addressy, "resent-cc": addressy, "resent-bcc": addressy,
	"message-id": {MessageIDs}, "in-reply-to": {MessageIDs}, "references": {MessageIDs}, "resent-message-id": {MessageIDs},
	"date": {Date}, "resent-date": {Date},
	"list-help": {URLs}, "list-unsubscribe": {URLs}, "list-subscribe": {URLs}, "list-post": {URLs}, "list-owner": {URLs}, "list-archive": {URLs},
	"return-path": nil, "received": nil,
}

// Parse reads a property such as "header:Resent-To:asAddresses:all". The error is mail.Invalid and says what is wrong.
func Parse(key string) (Property, error) {
	const op = "field.Parse"
	p := Property{Key: key}
	rest, ok := strings.CutPrefix(key, Prefix)
	parts := strings.Split(rest, ":")
	p.Name = parts[0]
	if !ok || p.Name == "" || strings.ContainsFunc(p.Name, func(r rune) bool { return r < '!' || r > '~' }) {
		return p, mail.E(op, mail.Invalid, fmt.Errorf("%.80q: %w", key, errName))
	}
	if parts = parts[1:]; len(parts) > 0 && parts[len(parts)-1] == "all" {
		p.All, parts = true, parts[:len(parts)-1]
	}
	if len(parts) > 0 {
		form, as := strings.CutPrefix(parts[0], "as")
		at := slices.Index(formNames, form)
		if !as || at <= 0 || len(parts) > 1 {
			return p, mail.E(op, mail.Invalid, fmt.Errorf("%.80q: %w", key, errForm))
		}
		p.Form = Form(at)
	}
	forms, defined := allowed[strings.ToLower(p.Name)]
	if defined && p.Form != Raw && !slices.Contains(forms, p.Form) {
		return p, mail.E(op, mail.Invalid, fmt.Errorf("%.80q: the field %s has no form as%s", key, p.Name, p.Form))
	}
	return p, nil
}
