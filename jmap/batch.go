package jmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Batch is one request (RFC 8620 3.3). The zero Batch is empty. It is sent once.
type Batch struct {
	// CreatedIDs are what creation ids of earlier requests stand for; after the request those of this one are added. Nil: the
	// server is not asked for them.
	CreatedIDs map[string]ID

	using   []string
	calls   []call
	results map[string]result
}

type call struct {
	name string
	args any
	id   string
}

func (c call) MarshalJSON() ([]byte, error) { return json.Marshal([]any{c.name, c.args, c.id}) }

// result takes the responses to one call: the first is of the method itself, others of calls that it implied.
type result interface{ take(i invocation) error }

type invocation struct {
	name string
	args json.RawMessage
	id   string
}

func (i *invocation) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var parts [3]jsontext.Value
	if err := jsonv2.UnmarshalDecode(d, &parts); err != nil {
		return err
	}
	i.args = json.RawMessage(parts[1])
	return errors.Join(unmarshal(parts[0], &i.name), unmarshal(parts[2], &i.id))
}

// Result is what a call of a Batch has led to, once the Batch was sent.
type Result[R any] struct {
	Value   R
	Err     error // a *MethodError, or what was wrong with the response
	Implied []Implied

	name, id string
	done     bool
}

// Implied is the response to a call that the server made by itself, such as Email/set after EmailSubmission/set.
type Implied struct {
	Method    string
	Arguments json.RawMessage
}

// Ref makes a reference to a part of the response (RFC 8620 3.7), for a later call of the same Batch.
func (r *Result[R]) Ref(path string) *Ref { return &Ref{ResultOf: r.id, Name: r.name, Path: path} }

// Ref is a reference to an earlier call's response.
type Ref struct {
	ResultOf string `json:"resultOf"`
	Name     string `json:"name"`
	Path     string `json:"path"`
}

// Add puts a call into a Batch. The capability that the method belongs to is put into "using" where it is known; Batch.Use adds others.
func Add[R any](b *Batch, method string, args any) *Result[R] {
	r := &Result[R]{name: method, id: strconv.Itoa(len(b.calls))}
	b.calls = append(b.calls, call{method, args, r.id})
	if b.results == nil {
		b.results = map[string]result{}
	}
	b.results[r.id] = r
	b.Use(Core, capabilityOf(method))
	return r
}

// Use names capabilities that the request needs.
func (b *Batch) Use(capabilities ...string) {
	for _, c := range capabilities {
		if c != "" && !slices.Contains(b.using, c) {
			b.using = append(b.using, c)
		}
	}
}

func capabilityOf(method string) string {
	typ, _, _ := strings.Cut(method, "/")
	switch typ {
	case "Mailbox", "Thread", "Email", "SearchSnippet":
		return Mail
	case "Identity", "EmailSubmission":
		return Submission
	case "VacationResponse":
		return VacationResponse
	case "MDN":
		return MDN
	case "Blob":
		if method != "Blob/copy" {
			return Blob
		}
	case "Quota":
		return Quota
	case "Principal", "ShareNotification":
		return Principals
	case "Signal", "Contact", "LiveSettings":
		return Live
	case "NotificationRules":
		return Notifications
	case "SignIn":
		return Sessions
	case "Snooze":
		return Snoozing
	case "Unsubscribe":
		return Unsubscribing
	case "Picture":
		return Pictures
	}
	return ""
}

type request struct {
	Type       string        `json:"@type,omitempty"` // over a WebSocket
	ID         string        `json:"id,omitempty"`    // over a WebSocket
	Using      []string      `json:"using"`
	Calls      []call        `json:"methodCalls"`
	CreatedIDs map[string]ID `json:"createdIds,omitempty"`
}

type response struct {
	Responses    []invocation  `json:"methodResponses"`
	CreatedIDs   map[string]ID `json:"createdIds"`
	SessionState string        `json:"sessionState"`
}

func (b *Batch) request() request {
	return request{Using: b.using, Calls: b.calls, CreatedIDs: b.CreatedIDs}
}

// take hands each response to the call it is of.
func (b *Batch) take(r *response) error {
	for _, i := range r.Responses {
		to := b.results[i.id]
		if to == nil {
			return fmt.Errorf("the server answers a call %q that was not made", i.id)
		}
		if err := to.take(i); err != nil {
			return err
		}
	}
	for _, c := range b.calls {
		if err := b.results[c.id].(interface{ answered() error }).answered(); err != nil {
			return err
		}
	}
	for key, id := range r.CreatedIDs {
		if b.CreatedIDs != nil {
			b.CreatedIDs[key] = id
		}
	}
	return nil
}

func (r *Result[R]) take(i invocation) error {
	switch {
	case r.done:
		r.Implied = append(r.Implied, Implied{i.name, i.args})
	case i.name == "error":
		e := &MethodError{Method: r.name}
		if err := unmarshal(i.args, e); err != nil {
			return fmt.Errorf("%s: the server answers an error that cannot be read: %w", r.name, err)
		}
		e.Raw, r.Err = i.args, e
	case i.name != r.name:
		return fmt.Errorf("the server answers %s to %s", i.name, r.name)
	default:
		if err := unmarshal(i.args, &r.Value); err != nil {
			r.Err = fmt.Errorf("%s: the response is not of the type wanted: %w", r.name, err)
		}
	}
	r.done = true
	return nil
}

func (r *Result[R]) answered() error {
	if !r.done {
		return fmt.Errorf("the server does not answer %s", r.name)
	}
	return nil
}

// MethodError is the answer to a call that failed (RFC 8620 3.6.2).
type MethodError struct {
	Method      string          `json:"-"`
	Type        string          `json:"type"`
	Description string          `json:"description"`
	Raw         json.RawMessage `json:"-"` // all of it
}

func (e *MethodError) Error() string {
	s := e.Method + ": " + e.Type
	if e.Description != "" {
		s += ": " + e.Description
	}
	return s
}

// SetError says why one object was not created, updated or destroyed (RFC 8620 5.3).
type SetError struct {
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Properties  []string `json:"properties"`
	ExistingID  ID       `json:"existingId"` // with alreadyExists
	NotFound    []ID     `json:"notFound"`   // with blobNotFound
	MaxSize     int64    `json:"maxSize"`    // with tooLarge
}

func (e *SetError) Error() string {
	s := e.Type
	if len(e.Properties) > 0 {
		s += " (" + strings.Join(e.Properties, ", ") + ")"
	}
	if e.Description != "" {
		s += ": " + e.Description
	}
	return s
}
