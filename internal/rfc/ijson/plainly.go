package ijson

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
)

// plainly says what is wrong with a value in words of JSON, for the person who wrote the client: those of the decoder are Go's types.
func plainly(err error) error {
	var e *json.SemanticError
	if !errors.As(err, &e) {
		return err
	}
	where := "it"
	if e.JSONPointer != "" {
		where = fmt.Sprintf("%.100q", string(e.JSONPointer))
	}
	switch {
	case errors.Is(e.Err, json.ErrUnknownName):
		return fmt.Errorf("%s is not known here", where)
	case e.Err != nil:
		return fmt.Errorf("%s: %w", where, e.Err)
	case e.GoType == nil:
		return fmt.Errorf("%s is of another type than it must be", where)
	}
	return fmt.Errorf("%s must be %s", where, typeOf(e.GoType))
}

// typeOf is what Go's type is in JSON.
func typeOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeOf(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	}
	return "of another type"
}
