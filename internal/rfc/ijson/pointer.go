package ijson

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// errPointer is why a pointer finds nothing.
var errPointer = errors.New("the pointer names nothing there")

// Valid reports whether a text is I-JSON, whatever its depth.
func Valid(text []byte) bool { return jsontext.Value(text).IsValid() }

// IsObject reports whether a value is an object.
func IsObject(v Value) bool { return v.Kind() == '{' }

// IsNull reports whether a value is null, or is not there.
func IsNull(v Value) bool { return len(v) == 0 || v.Kind() == 'n' }

// Members calls each with the members of an object, in their order, until it returns an error. The values are parts of object.
func Members(object Value, each func(name string, v Value) error) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true)) // they were looked for when it was read
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return errors.Join(errNotObject, err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		text := name.String()
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := each(text, v); err != nil {
			return err
		}
	}
	return nil
}

var errNotObject = errors.New("it is not an object")

// elements calls each with the elements of an array.
func elements(array Value, each func(i int, v Value) error) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(array), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for i := 0; d.PeekKind() != ']'; i++ {
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := each(i, v); err != nil {
			return err
		}
	}
	return nil
}

// At follows a JSON Pointer (RFC 6901) into a value, with the addition of RFC 8620 3.7: where it has come to an array, "*" stands for
// every element, and what the rest of the pointer finds in each is gathered in one array, of which arrays become a part element by
// element.
func At(v Value, pointer string) (Value, error) {
	tokens, err := Tokens(pointer)
	if err != nil {
		return nil, err
	}
	return at(v, tokens)
}

// Tokens are the reference tokens of a JSON Pointer (RFC 6901 3, 4).
func Tokens(pointer string) ([]string, error) {
	if pointer == "" {
		return nil, nil
	}
	if pointer[0] != '/' {
		return nil, fmt.Errorf("a JSON pointer is empty or begins with \"/\": %.100q", pointer)
	}
	if strings.Count(pointer, "/") > MaxDepth {
		return nil, errPointer
	}
	tokens := strings.Split(pointer[1:], "/")
	for i, t := range tokens {
		for at, c := range []byte(t) {
			if c == '~' && (at+1 == len(t) || t[at+1] != '0' && t[at+1] != '1') {
				return nil, fmt.Errorf("in a JSON pointer \"~\" is written \"~0\": %.100q", pointer)
			}
		}
		tokens[i] = unescape.Replace(t)
	}
	return tokens, nil
}

// unescape leaves "~01" as "~1" (RFC 6901 4): it goes on behind what it has replaced.
var unescape = strings.NewReplacer("~1", "/", "~0", "~")

func at(v Value, tokens []string) (found Value, err error) {
	for i, token := range tokens {
		var next Value
		switch {
		case v.Kind() == '{':
			err = Members(v, func(name string, m Value) error {
				if name == token {
					next = m
					return errFound
				}
				return nil
			})
		case v.Kind() == '[' && token == "*":
			return each(v, tokens[i+1:])
		case v.Kind() == '[':
			err = elements(v, func(i int, e Value) error {
				if strconv.Itoa(i) == token { // no leading zeros, no "-" (RFC 6901 4)
					next = e
					return errFound
				}
				return nil
			})
		}
		if err != nil && !errors.Is(err, errFound) {
			return nil, err
		}
		if next == nil {
			return nil, errPointer
		}
		v = next
	}
	return v, nil
}

// errFound ends a walk.
var errFound = errors.New("found")

func each(array Value, rest []string) (Value, error) {
	out := Value{'['}
	add := func(_ int, v Value) error {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, v...)
		return nil
	}
	err := elements(array, func(i int, e Value) error {
		v, err := at(e, rest)
		if err != nil {
			return err
		}
		if v.Kind() == '[' {
			return elements(v, add)
		}
		return add(i, v)
	})
	if err != nil {
		return nil, err
	}
	return append(out, ']'), nil
}
