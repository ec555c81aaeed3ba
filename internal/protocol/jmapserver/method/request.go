package method

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Request is what a client sends to the API (RFC 8620 3.3). Members that it does not have are ignored.
type Request struct {
	Using   []string          `json:"using"`
	Calls   []Invocation      `json:"methodCalls"`
	Created map[string]string `json:"createdIds"` // nil: not given
}

// Invocation is a call, or a response to one (RFC 8620 3.2). In JSON it is an array of the three.
type Invocation struct {
	Name string
	Args ijson.Value // an object
	ID   string
}

var errInvocation = errors.New("a call is an array of the method's name, an object with its arguments, and the id of the call")

// UnmarshalJSON reads an array.
func (i *Invocation) UnmarshalJSON(text []byte) error {
	var parts []ijson.Value
	if err := ijson.Unmarshal(text, &parts); err != nil || len(parts) != 3 || !ijson.IsObject(parts[1]) {
		return errInvocation
	}
	i.Args = parts[1]
	if ijson.Strict(parts[0], &i.Name) != nil || ijson.Strict(parts[2], &i.ID) != nil {
		return errInvocation
	}
	return nil
}

// Problem is the answer to a request none of whose calls was carried out (RFC 8620 3.6.1, RFC 7807).
type Problem struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Limit  string `json:"limit,omitempty"` // which limit would have been exceeded
}

func (p *Problem) Error() string { return p.Type + ": " + p.Detail }

// Types of problems.
const (
	UnknownCapability = "urn:ietf:params:jmap:error:unknownCapability"
	NotJSON           = "urn:ietf:params:jmap:error:notJSON"
	NotRequest        = "urn:ietf:params:jmap:error:notRequest"
	LimitExceeded     = "urn:ietf:params:jmap:error:limit"
)

// Refuse makes a Problem that is the client's.
func Refuse(typ, format string, args ...any) *Problem {
	return &Problem{Type: typ, Status: http.StatusBadRequest, Detail: fmt.Sprintf(format, args...)}
}

// Exceeds is the Problem of a request that is beyond a limit, by its name in the session.
func Exceeds(limit string, most int) *Problem {
	p := Refuse(LimitExceeded, "at most %d: %s", most, limit)
	p.Limit = limit
	return p
}

// ParseRequest reads a request.
func ParseRequest(text []byte) (*Request, *Problem) {
	if len(text) > MaxSizeRequest {
		return nil, Exceeds("maxSizeRequest", MaxSizeRequest)
	}
	var r Request
	err := ijson.Unmarshal(text, &r)
	switch {
	case err != nil && !ijson.Valid(text):
		return nil, Refuse(NotJSON, "the request is not I-JSON (RFC 7493)")
	case err != nil:
		return nil, Refuse(NotRequest, "%s", whatIsWrong(err))
	case r.Using == nil:
		return nil, Refuse(NotRequest, `"using" is missing: it lists the capabilities that the calls need`)
	case r.Calls == nil:
		return nil, Refuse(NotRequest, `"methodCalls" is missing: it lists the calls`)
	case len(r.Calls) > MaxCallsInRequest:
		return nil, Exceeds("maxCallsInRequest", MaxCallsInRequest)
	}
	for creation, id := range r.Created {
		if !IsID(creation) || !IsID(id) {
			return nil, Refuse(NotRequest, "%.40q: %.40q in \"createdIds\" is no creation id with its id", creation, id)
		}
	}
	return &r, nil
}

// Response is the answer to a request (RFC 8620 3.4).
type Response struct {
	Responses []Invocation
	Created   map[string]string // nil: not asked for
}

// Bytes writes the response with the state of the session.
func (r *Response) Bytes(sessionState string) ([]byte, error) {
	size := 100
	for i := range r.Responses {
		size += len(r.Responses[i].Args) + len(r.Responses[i].Name) + len(r.Responses[i].ID) + 10
	}
	out := append(make([]byte, 0, size), `{"methodResponses":[`...)
	var err error
	quote := func(s string) {
		text, e := ijson.Marshal(s)
		out, err = append(out, text...), errors.Join(err, e)
	}
	for i, inv := range r.Responses {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		quote(inv.Name)
		out = append(append(append(out, ','), inv.Args...), ',')
		quote(inv.ID)
		out = append(out, ']')
	}
	out = append(out, ']')
	if r.Created != nil {
		ids, e := ijson.Marshal(r.Created)
		out, err = append(append(out, `,"createdIds":`...), ids...), errors.Join(err, e)
	}
	out = append(out, `,"sessionState":`...)
	quote(sessionState)
	return append(out, '}'), err
}
