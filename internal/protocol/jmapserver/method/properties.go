package method

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Properties are the properties that a /get asks for (RFC 8620 5.1).
type Properties struct {
	asked map[string]bool // nil: all
}

// Select takes the argument "properties", null for all. One that is not known is invalidArguments.
func Select(asked *[]string, known func(name string) bool) (Properties, error) {
	if asked == nil {
		return Properties{}, nil
	}
	p := Properties{map[string]bool{"id": true}} // always given
	for _, name := range *asked {
		if !known(name) {
			return p, Fail(InvalidArguments, "properties: there is no property %.100q", name)
		}
		p.asked[name] = true
	}
	return p, nil
}

// Known is what Select asks, of a type that has these properties.
func Known(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// Has reports whether a property is asked for.
func (p Properties) Has(name string) bool { return p.asked == nil || p.asked[name] }

// All reports that nothing was selected.
func (p Properties) All() bool { return p.asked == nil }

// Of writes an object with what is asked for of its members.
func (p Properties) Of(object any) (ijson.Value, error) {
	all, err := ijson.Marshal(object)
	if err != nil || p.All() {
		return all, err
	}
	out := ijson.Value{'{'}
	err = ijson.Members(all, func(name string, v ijson.Value) error {
		if !p.Has(name) {
			return nil
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		key, err := ijson.Marshal(name)
		out = append(append(append(out, key...), ':'), v...)
		return err
	})
	return append(out, '}'), err
}

// Unique are ids without those that came before (RFC 8620 5.1: each is answered once).
func Unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
