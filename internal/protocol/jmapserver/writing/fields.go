package writing

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
)

// headerFields are those of a message, or of a part, in the order of the properties.
type headerFields struct {
	list   []compose.Field
	by     map[string]string // name in small letters to the property that stands for it
	length int
}

func (h *headerFields) has(name string) bool { return h.by[name] != "" }

// claim notes that a property stands for a field. A second one is wrong (RFC 8621 4.6).
func (h *headerFields) claim(name, property string) *method.Error {
	name = strings.ToLower(name)
	if other := h.by[name]; other != "" {
		return method.Bad(other+" and "+property+" stand for the same header field", other, property)
	}
	if h.by == nil {
		h.by = map[string]string{}
	}
	h.by[name] = property
	return nil
}

// add reads a property into fields. Null stands for none.
func (h *headerFields) add(p field.Property, v ijson.Value) *method.Error {
	if ijson.IsNull(v) {
		return nil
	}
	if wrong := h.claim(p.Name, p.Key); wrong != nil {
		return wrong
	}
	values := []ijson.Value{v}
	if p.All {
		values = nil
		if err := ijson.Strict(v, &values); err != nil {
			return method.Bad(p.Key+" is an array, since it ends with :all", p.Key)
		}
	}
	for _, v := range values {
		f, there, wrong := makeField(p, v)
		if wrong != nil {
			return wrong
		}
		if !there || strings.EqualFold(p.Name, "MIME-Version") { // that is written anyway
			continue
		}
		h.put(f)
	}
	return nil
}

func (h *headerFields) put(f compose.Field) {
	h.list = append(h.list, f)
	h.length += len(f.String())
}

// shapes says what a value of each form is.
var shapes = map[field.Form]string{
	field.Raw:              "a string",
	field.Text:             "a string",
	field.Addresses:        "an array of objects with \"name\" and \"email\"",
	field.GroupedAddresses: "an array of objects with \"name\" and \"addresses\"",
	field.MessageIDs:       "an array of strings",
	field.Date:             "a date such as \"2014-10-30T14:12:00+08:00\"",
	field.URLs:             "an array of strings",
}

// makeField makes a field of a value in its form. An empty list makes none.
func makeField(p field.Property, v ijson.Value) (f compose.Field, there bool, wrong *method.Error) {
	var text string
	var texts []string
	var err, made error
	there = true
	switch p.Form {
	case field.Raw:
		if err = ijson.Strict(v, &text); err == nil {
			f, made = compose.Raw(p.Name, text)
		}
	case field.Text:
		if err = ijson.Strict(v, &text); err == nil {
			f, made = compose.Text(p.Name, text)
		}
	case field.MessageIDs, field.URLs:
		build := compose.MessageIDs
		if p.Form == field.URLs {
			build = compose.URLs
		}
		if err = ijson.Strict(v, &texts); err == nil {
			f, made = build(p.Name, texts)
			there = len(texts) > 0
		}
	case field.Date:
		at, wrong := date(v, p.Key)
		if wrong != nil {
			return f, false, wrong
		}
		f, made = compose.Date(p.Name, at)
	default:
		var groups []compose.Group
		if groups, err = groupsOf(p.Form, v); err == nil {
			f, made = compose.Addresses(p.Name, groups)
			there = len(groups) > 0
		}
	}
	if err != nil {
		return f, false, method.Bad(p.Key+" is "+shapes[p.Form], p.Key)
	}
	if made != nil {
		return f, false, method.Bad(mail.Explain(made), p.Key)
	}
	return f, there, nil
}

// groupsOf reads addresses, grouped or not.
func groupsOf(form field.Form, v ijson.Value) ([]compose.Group, error) {
	if form == field.Addresses {
		var list []field.Address
		if err := ijson.Strict(v, &list); err != nil || len(list) == 0 {
			return nil, err
		}
		return []compose.Group{{Addresses: addressesOf(list)}}, nil
	}
	var list []field.Group
	if err := ijson.Strict(v, &list); err != nil {
		return nil, err
	}
	out := make([]compose.Group, 0, len(list))
	for _, g := range list {
		one := compose.Group{Named: g.Name != nil, Addresses: addressesOf(g.Addresses)}
		if g.Name != nil {
			one.Name = *g.Name
		}
		if one.Named || len(one.Addresses) > 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

func addressesOf(list []field.Address) []compose.Address {
	out := make([]compose.Address, len(list))
	for i, a := range list {
		out[i].Email = a.Email
		if a.Name != nil {
			out[i].Name = *a.Name
		}
	}
	return out
}
