// Package ijson reads and writes I-JSON (RFC 7493), the JSON that JMAP speaks: names are unique within an object and compared
// octet by octet, text is UTF-8 without lone surrogates, numbers that do not fit are refused. Every message that is not so is
// an error; nothing is guessed.
//
// What is decoded into is Go's: struct tags are those of encoding/json; `json:",embed"` on a map takes, or adds, members that have no field.
// A member without a field is refused (Strict) or left out (Unmarshal). null is taken where Go has a nil: pointers, slices, maps.
//
// # Limits
//
// MaxDepth levels of arrays and objects. The size of a text is the caller's to bound.
package ijson

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep arrays and objects may lie in each other.
const MaxDepth = 100

// Value is a JSON value as text.
type Value = jsontext.Value

// Marshal writes v: nil slices and maps as empty ones, in an order that is the same each time.
func Marshal(v any) (Value, error) { return json.Marshal(v, json.Deterministic(true)) }

// MarshalWrite writes v to w, as Marshal does, in small pieces.
func MarshalWrite(w io.Writer, v any) error { return json.MarshalWrite(w, v, json.Deterministic(true)) }

// Unmarshal reads a whole text into v and leaves out members that v has no field for.
func Unmarshal(text []byte, v any) error {
	if err := shallow(text); err != nil {
		return err
	}
	return plainly(json.Unmarshal(text, v, notNull))
}

// Strict reads a whole text into v and refuses members that v has no field for.
func Strict(text []byte, v any) error {
	if err := shallow(text); err != nil {
		return err
	}
	return plainly(json.Unmarshal(text, v, json.RejectUnknownMembers(true), notNull))
}

// notNull refuses null for what cannot be null in Go: text, numbers, true and false.
var notNull = json.WithUnmarshalers(json.JoinUnmarshalers(json.UnmarshalFromFunc(refuseNull[string]), json.UnmarshalFromFunc(refuseNull[bool]),
	json.UnmarshalFromFunc(refuseNull[int]), json.UnmarshalFromFunc(refuseNull[int64]), json.UnmarshalFromFunc(refuseNull[uint64]), json.UnmarshalFromFunc(refuseNull[float64])))

var errNull = errors.New("it cannot be null")

func refuseNull[T any](d *jsontext.Decoder, _ *T) error {
	if d.PeekKind() == 'n' {
		return errNull
	}
	return errors.ErrUnsupported // as without this
}

// shallow refuses what is nested deeper than MaxDepth, by looking at brackets outside of strings: cheap, and before
// anything is built. Whether the text is JSON is not its question.
func shallow(text []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[', c == '{':
			if depth++; depth > MaxDepth {
				return fmt.Errorf("arrays and objects lie in each other more than %d deep", MaxDepth)
			}
		case c == ']', c == '}':
			depth--
		}
	}
	return nil
}
