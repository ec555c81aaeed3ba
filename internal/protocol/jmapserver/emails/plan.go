package emails

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// defaultProperties are RFC 8621 4.2's, which stand in place of all.
var defaultProperties = []string{"id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo",
	"references", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview", "bodyValues",
	"textBody", "htmlBody", "attachments"}

// defaultBodyProperties are RFC 8621 4.2's.
var defaultBodyProperties = []string{"partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language", "location"}

// bodyArgs are the arguments that Email/get and Email/parse have besides the standard ones.
type bodyArgs struct {
	BodyProperties      *[]string `json:"bodyProperties"`
	FetchTextBodyValues bool      `json:"fetchTextBodyValues"`
	FetchHTMLBodyValues bool      `json:"fetchHTMLBodyValues"`
	FetchAllBodyValues  bool      `json:"fetchAllBodyValues"`
	MaxBodyValueBytes   uint64    `json:"maxBodyValueBytes"`
}

// needs are what properties are made of.
type needs uint8

const (
	needsPlaces    needs = 1 << iota // in which mailboxes the email lies
	needsInfo                        // of the summary
	needsFields                      // of the header, by plan.fields from the summary or from the content
	needsStructure                   // of the summary
	needsContent                     // for whatever is asked for
)

// property is one that is asked for.
type property struct {
	key string
	of  func(*source) (any, error)
}

// plan is what is asked of each email, and what has to be read for it.
type plan struct {
	properties []property
	needs      needs
	fields     message.FieldSelection
	parts      partPlan
}

// planOf reads the arguments. What is not known, or not allowed, is invalidArguments.
func planOf(properties *[]string, defaults []string, body bodyArgs) (*plan, error) {
	p := &plan{}
	var err error
	if p.parts, err = partPlanOf(body); err != nil {
		return nil, err
	}
	asked, err := listOf("properties", properties, defaults)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, key := range asked {
		prop, needs, name, err := p.property(key)
		if err != nil {
			return nil, err
		}
		p.properties = append(p.properties, prop)
		p.needs |= needs
		if name != "" {
			names = append(names, name)
		}
	}
	p.fields = message.NewFieldSelection(names)
	return p, nil
}

// listOf is a list of names, each once and "id" among them where defaults has it (RFC 8620 5.1: it is always returned).
func listOf(argument string, asked *[]string, defaults []string) ([]string, error) {
	if asked == nil {
		return defaults, nil
	}
	if len(*asked) > MaxProperties {
		return nil, method.Fail(method.InvalidArguments, "%s: at most %d names, not %d", argument, MaxProperties, len(*asked))
	}
	if len(defaults) > 0 && defaults[0] == "id" {
		return method.Unique(append([]string{"id"}, *asked...)), nil
	}
	return method.Unique(*asked), nil
}

// property finds one by its name, and the name of the field that it shows, if it does.
func (p *plan) property(key string) (prop property, needs needs, fieldName string, err error) {
	prop.key = key
	if f, ok := field.Named(key); ok {
		prop.of = headerProperty(f)
		return prop, needsFields, f.Name, nil
	}
	if strings.HasPrefix(key, field.Prefix) {
		f, err := field.Parse(key)
		if err != nil {
			return prop, 0, "", invalid("properties", err)
		}
		prop.of = headerProperty(f)
		return prop, needsFields, f.Name, nil
	}
	known, ok := p.known(key)
	if !ok {
		return prop, 0, "", method.Fail(method.InvalidArguments, "properties: an Email has no property %.100q", key)
	}
	prop.of = known.of
	return prop, known.needs, "", nil
}

func invalid(argument string, err error) error {
	return method.Fail(method.InvalidArguments, "%s: %s", argument, explain(err))
}

type known struct {
	needs needs
	of    func(*source) (any, error)
}

// known finds a property that is no header field.
func (p *plan) known(key string) (known, bool) {
	if k, ok := ofRow[key]; ok {
		return k, true
	}
	structure := needsStructure | p.parts.needs
	switch key {
	case "bodyStructure":
		return known{structure, func(s *source) (any, error) { return s.structure(&p.parts) }}, true
	case "textBody":
		return known{structure, func(s *source) (any, error) { return s.list(s.bodies().Text, &p.parts) }}, true
	case "htmlBody":
		return known{structure, func(s *source) (any, error) { return s.list(s.bodies().HTML, &p.parts) }}, true
	case "attachments":
		return known{structure, func(s *source) (any, error) { return s.list(s.bodies().Attachments, &p.parts) }}, true
	case "bodyValues":
		needs := needsStructure
		if p.parts.wantsValues() {
			needs |= needsContent
		}
		return known{needs, func(s *source) (any, error) { return s.values(&p.parts) }}, true
	}
	return known{}, false
}
