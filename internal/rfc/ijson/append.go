package ijson

import (
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Appender writes itself behind dst, as JSON that no one looks through again.
type Appender interface {
	AppendJSON(dst []byte) ([]byte, error)
}

// Append writes v behind dst as Marshal would, but a Value as it stands. What large responses are made of, texts, numbers, sets and
// what is an Appender, it writes without reflection, which costs several times as much.
func Append(dst []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case Value:
		return append(dst, v...), nil
	case Appender:
		return v.AppendJSON(dst)
	case string:
		return jsontext.AppendQuote(dst, v)
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case []string:
		return AppendArray(dst, v, jsontext.AppendQuote[string])
	case map[string]bool:
		return appendSet(dst, v)
	}
	text, err := Marshal(v)
	return append(dst, text...), err
}

// AppendMember writes a member of the object whose beginning dst ends with.
func AppendMember(dst []byte, name string, v any) (_ []byte, err error) {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	if dst, err = jsontext.AppendQuote(dst, name); err != nil {
		return dst, err
	}
	return Append(append(dst, ':'), v)
}

// AppendArray writes an array of what element writes of each.
func AppendArray[T any](dst []byte, list []T, element func([]byte, T) ([]byte, error)) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = element(dst, v); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendSet writes an object, the names in order.
func appendSet(dst []byte, set map[string]bool) (_ []byte, err error) {
	dst = append(dst, '{')
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if dst, err = AppendMember(dst, name, set[name]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}
