package method

import (
	"maps"
	"reflect"
	"slices"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Patch applies a PatchObject (RFC 8620 5.3) to an object. A property that is set to null is taken away: what it is then is the
// type's own. The error is invalidPatch.
func Patch(object ijson.Value, patch map[string]ijson.Value) (ijson.Value, *Error) {
	steps := make([]step, 0, len(patch))
	for _, key := range slices.Sorted(maps.Keys(patch)) {
		path, err := ijson.Tokens("/" + key)
		if err != nil {
			return nil, Fail(InvalidPatch, "%v", err)
		}
		steps = append(steps, step{key, path, patch[key]})
	}
	return apply(object, steps)
}

// step is one patch: what is left of its path, and the value.
type step struct {
	key   string
	path  []string
	value ijson.Value
}

func apply(object ijson.Value, steps []step) (ijson.Value, *Error) {
	if !ijson.IsObject(object) {
		return nil, Fail(InvalidPatch, "%.100q leads into what is no object: replace the whole", steps[0].key)
	}
	members := map[string]ijson.Value{}
	if err := ijson.Members(object, func(name string, v ijson.Value) error { members[name] = v; return nil }); err != nil {
		return nil, Fail(ServerFail, "%v", err)
	}
	next := map[string][]step{}
	for _, s := range steps {
		next[s.path[0]] = append(next[s.path[0]], s)
	}
	for name, group := range next {
		for i, s := range group {
			if len(s.path) == 1 && len(group) > 1 {
				return nil, Fail(InvalidPatch, "%.100q is the beginning of %.100q", s.key, group[(i+1)%len(group)].key)
			}
			group[i].path = s.path[1:]
		}
		old, there := members[name]
		switch {
		case len(group[0].path) == 0 && ijson.IsNull(group[0].value):
			delete(members, name)
		case len(group[0].path) == 0:
			members[name] = group[0].value
		case !there:
			return nil, Fail(InvalidPatch, "%.100q leads through %.100q, which is not there", group[0].key, name)
		default:
			patched, failed := apply(old, group)
			if failed != nil {
				return nil, failed
			}
			members[name] = patched
		}
	}
	out, err := ijson.Marshal(members)
	if err != nil {
		return nil, Fail(InvalidPatch, "%s", whatIsWrong(err))
	}
	return out, nil
}

// Changed leaves of a patch what is not so in the object already: whoever changes a property may send the others as they are
// (RFC 8620 5.3).
func Changed(object any, patch map[string]ijson.Value) (map[string]ijson.Value, error) {
	text, err := ijson.Marshal(object)
	if err != nil {
		return nil, err
	}
	var is map[string]any
	if err := ijson.Unmarshal(text, &is); err != nil {
		return nil, err
	}
	out := map[string]ijson.Value{}
	for property, v := range patch {
		var said any
		value, known := is[property]
		if err := ijson.Unmarshal(v, &said); err != nil || !known || !reflect.DeepEqual(said, value) {
			out[property] = v
		}
	}
	return out, nil
}
