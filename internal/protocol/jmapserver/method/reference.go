package method

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// reference is where an argument is to be taken from (RFC 8620 3.7).
type reference struct {
	ResultOf string `json:"resultOf"`
	Name     string `json:"name"`
	Path     string `json:"path"`
}

// resolve puts what references point at in the place of the arguments whose names begin with "#". What that makes of them is as
// bounded as a request is: a call cannot be made large by naming a response several times.
func (b *batch) resolve(args ijson.Value) (ijson.Value, error) {
	names, references := map[string]bool{}, 0
	err := ijson.Members(args, func(name string, _ ijson.Value) error {
		if bare, is := strings.CutPrefix(name, "#"); is {
			name = bare
			references++
		}
		if names[name] {
			return Fail(InvalidArguments, "%q is given both itself and as a reference", name)
		}
		names[name] = true
		return nil
	})
	if err != nil || references == 0 {
		return args, err
	}
	out := ijson.Value{'{'}
	err = ijson.Members(args, func(name string, v ijson.Value) (err error) {
		if bare, is := strings.CutPrefix(name, "#"); is {
			if v, err = b.refer(v); err != nil {
				return Fail(InvalidResultReference, "%q: %v", name, err)
			}
			name = bare
		}
		if len(out)+len(v) > MaxSizeRequest {
			return Fail(RequestTooLarge, "with what its references name the call has more than %d bytes", MaxSizeRequest)
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

// refer finds what a reference points at.
func (b *batch) refer(v ijson.Value) (ijson.Value, error) {
	var r reference
	if err := ijson.Strict(v, &r); err != nil {
		return nil, whatIsWrong(err)
	}
	for i := range b.responses {
		response := &b.responses[i]
		if response.ID != r.ResultOf {
			continue
		}
		if response.Name != r.Name {
			return nil, Fail(InvalidResultReference, "the first response to the call %.40q is named %q, not %.40q", r.ResultOf, response.Name, r.Name)
		}
		return ijson.At(response.Args, r.Path)
	}
	return nil, Fail(InvalidResultReference, "no earlier call of this request has the id %.40q", r.ResultOf)
}
