package writing

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
)

// draft is an Email object that is to be created, as far as it was read.
type draft struct {
	resolve resolver
	open    func(id string) (opened, error) // of blobs

	places   []mail.MailboxID
	flags    mail.Flags
	received time.Time
	fields   headerFields
	body     body
	from     string // the domain of the first address of From

	wrong *wrongs
}

// wrongs gathers what is wrong with an object, so that a client learns all of it at once.
type wrongs struct {
	failed     *method.Error // what is no matter of single properties
	first      string
	properties []string
	missing    []string // blobs
}

func (w *wrongs) add(description string, properties ...string) {
	if w.first == "" {
		w.first = description
	}
	for _, p := range properties {
		if !slices.Contains(w.properties, p) {
			w.properties = append(w.properties, p)
		}
	}
}

// take adds an error that was made for one property.
func (w *wrongs) take(e *method.Error) {
	switch {
	case e == nil:
	case e.Type == method.InvalidProperties:
		w.add(e.Description, e.Properties...)
	case w.failed == nil:
		w.failed = e
	}
}

// err is the answer, nil where nothing is wrong.
func (w *wrongs) err() *method.Error {
	switch {
	case w.first != "":
		return method.Bad(w.first, w.properties...)
	case w.failed != nil:
		return w.failed
	case len(w.missing) > 0:
		e := method.Fail(blobNotFound, "the account has not all of the blobs")
		e.More = map[string]any{"notFound": w.missing}
		return e
	}
	return nil
}

// serverSet are the properties of an Email that no client sets, and "headers", which would say the same as others (RFC 8621 4.6).
var serverSet = []string{"id", "blobId", "threadId", "size", "hasAttachment", "preview", "headers"}

// read takes an Email object apart.
func (d *draft) read(object ijson.Value) error {
	d.wrong = &wrongs{}
	if !ijson.IsObject(object) {
		return method.Bad("an Email is an object")
	}
	err := ijson.Members(object, func(name string, v ijson.Value) error { d.property(name, v); return nil })
	if err != nil {
		return err
	}
	if d.places == nil && !slices.Contains(d.wrong.properties, "mailboxIds") {
		d.wrong.add("an email is in at least one mailbox", "mailboxIds")
	}
	if err := d.body.assemble(d); err != nil {
		return err
	}
	if d.fields.length > MaxHeader {
		d.wrong.add("the header fields are too long together")
	}
	if wrong := d.wrong.err(); wrong != nil {
		return wrong
	}
	return nil
}

func (d *draft) property(name string, v ijson.Value) {
	var wrong *method.Error
	switch {
	case name == "mailboxIds":
		d.places, wrong = mailboxIDs(v, d.resolve)
	case name == "keywords":
		if !ijson.IsNull(v) {
			d.flags, wrong = keywords(v)
		}
	case name == "receivedAt":
		d.received, wrong = utcDate(v, name)
	case slices.Contains(serverSet, name):
		wrong = method.Bad("an email that is created has no property "+name, name)
	case isBody[name]:
		d.body.given = append(d.body.given, member{name, v})
	default:
		d.headerProperty(name, v)
	}
	d.wrong.take(wrong)
}

// headerProperty reads a property that stands for a header field.
func (d *draft) headerProperty(name string, v ijson.Value) {
	p, wrong := propertyOf(name)
	if wrong == nil && strings.HasPrefix(strings.ToLower(p.Name), "content-") {
		wrong = method.Bad("fields that begin with Content- belong to a part of the body", name)
	}
	if wrong == nil {
		wrong = d.fields.add(p, v)
	}
	if wrong == nil && strings.EqualFold(p.Name, "From") {
		d.noteFrom(p, v)
	}
	d.wrong.take(wrong)
}

// propertyOf finds what header field a property stands for.
func propertyOf(name string) (field.Property, *method.Error) {
	if p, ok := field.Named(name); ok {
		return p, nil
	}
	if !strings.HasPrefix(name, field.Prefix) {
		return field.Property{}, method.Bad("there is no property "+quote(name), name)
	}
	p, err := field.Parse(name)
	if err != nil {
		return p, method.Bad(mail.Explain(err), name)
	}
	return p, nil
}

// noteFrom finds the domain for a Message-ID.
func (d *draft) noteFrom(p field.Property, v ijson.Value) {
	var list []field.Address
	if p.Form == field.Addresses && !p.All && ijson.Strict(v, &list) == nil && len(list) > 0 {
		if a, err := mail.ParseAddress(list[0].Email); err == nil && a.IsASCII() && !a.IsLiteral() {
			d.from = a.Domain
		}
	}
}

// message is what was read, completed (RFC 8621 4.6: Message-ID and Date are the server's to add).
func (d *draft) message(now time.Time, hostname string) (*compose.Message, error) {
	m := &compose.Message{Fields: d.fields.list, Root: d.body.root}
	if !d.fields.has("message-id") {
		domain := d.from
		if domain == "" {
			domain = hostname
		}
		id, err := compose.MessageIDs("Message-ID", []string{strings.ToLower(rand.Text()) + "@" + domain})
		if err != nil {
			return nil, err
		}
		m.Fields = append(m.Fields, id)
	}
	if !d.fields.has("date") {
		at, err := compose.Date("Date", now)
		if err != nil {
			return nil, err
		}
		m.Fields = append(m.Fields, at)
	}
	return m, nil
}
