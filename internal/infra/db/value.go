package db

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// kind is the type of a value in a row, as far as this package tells types apart.
type kind uint8

const (
	kindNull kind = iota
	kindInt
	kindFloat
	kindText
	kindBytes
)

func (k kind) String() string {
	return [...]string{"NULL", "an integer", "a floating point number", "text", "bytes"}[k]
}

// value is one column of one row. bytes belongs to the engine and is valid until the next row.
type value struct {
	kind  kind
	int   int64
	float float64
	bytes []byte // of text and of bytes
}

// Borrowed takes the bytes of a column without copying them. They are the engine's: nothing may be written to them, and they
// are gone with the row. It is for readers of many rows, who copy or decode at once what they need.
type Borrowed []byte

// plain turns an argument of a statement into nil, int64, float64, string or []byte.
func plain(arg any) (any, error) {
	switch a := arg.(type) {
	case nil, int64, float64:
		return a, nil
	case string:
		return arg, checkText(a)
	case []byte:
		if a == nil {
			return nil, nil
		}
		return arg, nil
	case int:
		return int64(a), nil
	case bool:
		return boolInt(a), nil
	case time.Time:
		return a.UnixMilli(), nil
	}
	return plainReflected(reflect.ValueOf(arg))
}

// plainReflected does what plain does for named types (mail.AccountID), arrays of bytes (mail.BlobID) and pointers, nil
// for NULL.
func plainReflected(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if u := v.Uint(); u <= math.MaxInt64 {
			return int64(u), nil
		}
		return nil, fmt.Errorf("db: %d does not fit in a 64-bit signed integer", v.Uint())
	case reflect.Bool:
		return boolInt(v.Bool()), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.String:
		return plain(v.String())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return plain(v.Bytes())
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return b, nil
		}
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return plain(v.Elem().Interface())
	}
	return nil, fmt.Errorf("db: an argument of type %s: want a number, a string, bytes, a bool, a time or a pointer to one", v.Type())
}

// checkText refuses what PostgreSQL does not take as text, so that strangers' bytes that pass the tests on SQLite do not
// fail a delivery on PostgreSQL.
func checkText(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("db: a string that is not valid UTF-8: make it valid, or pass it as []byte to a column of bytes")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return errors.New("db: a string with a NUL character: remove it, or pass it as []byte to a column of bytes")
	}
	return nil
}

// plainAll converts all arguments, naming the one that is wrong.
func plainAll(args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, arg := range args {
		p, err := plain(arg)
		if err != nil {
			return nil, fmt.Errorf("$%d: %w", i+1, err)
		}
		out[i] = p
	}
	return out, nil
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// scan stores a value where dest points, copying text and bytes. The types met on every row come first and need no
// reflection.
func scan(v *value, dest any) error {
	switch d := dest.(type) {
	case *int64:
		if v.kind == kindInt {
			*d = v.int
			return nil
		}
	case *string:
		if v.kind == kindText || v.kind == kindBytes {
			*d = string(v.bytes)
			return nil
		}
	case *[]byte:
		return scanBytes(v, d)
	case *Borrowed:
		if v.kind == kindText || v.kind == kindBytes {
			*d = v.bytes
			return nil
		}
	case *bool:
		if v.kind == kindInt {
			*d = v.int != 0
			return nil
		}
	case *time.Time:
		if v.kind == kindInt {
			*d = time.UnixMilli(v.int).UTC()
			return nil
		}
	case *any:
		*d = v.any()
		return nil
	case nil:
		return nil // a column that the caller skips
	}
	return scanReflected(v, dest)
}

func scanBytes(v *value, d *[]byte) error {
	switch v.kind {
	case kindNull:
		*d = nil
	case kindText, kindBytes:
		// Not nil when empty: the row held something, and NULL must be told from it.
		*d = append(make([]byte, 0, len(v.bytes)), v.bytes...)
	default:
		return mismatch(v, d)
	}
	return nil
}

func (v *value) any() any {
	switch v.kind {
	case kindInt:
		return v.int
	case kindFloat:
		return v.float
	case kindText:
		return string(v.bytes)
	case kindBytes:
		return append([]byte{}, v.bytes...)
	}
	return nil
}

// scanReflected handles named types, small integers, arrays of bytes, and pointers, which take NULL as nil.
func scanReflected(v *value, dest any) error {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("db: Scan into %T: want a pointer", dest)
	}
	d := p.Elem()
	if d.Kind() == reflect.Pointer {
		if v.kind == kindNull {
			d.SetZero()
			return nil
		}
		fresh := reflect.New(d.Type().Elem())
		if err := scan(v, fresh.Interface()); err != nil {
			return err
		}
		d.Set(fresh)
		return nil
	}
	switch v.kind {
	case kindInt:
		return scanInt(v, d, dest)
	case kindFloat:
		if d.CanFloat() {
			d.SetFloat(v.float)
			return nil
		}
	case kindText, kindBytes:
		return scanText(v, d, dest)
	}
	return mismatch(v, dest)
}

func scanInt(v *value, d reflect.Value, dest any) error {
	switch {
	case d.CanInt():
		if d.OverflowInt(v.int) {
			return fmt.Errorf("db: %d does not fit into %T", v.int, dest)
		}
		d.SetInt(v.int)
	case d.CanUint():
		if v.int < 0 || d.OverflowUint(uint64(v.int)) {
			return fmt.Errorf("db: %d does not fit into %T", v.int, dest)
		}
		d.SetUint(uint64(v.int))
	case d.Kind() == reflect.Bool:
		d.SetBool(v.int != 0)
	case d.CanFloat():
		d.SetFloat(float64(v.int))
	default:
		return mismatch(v, dest)
	}
	return nil
}

func scanText(v *value, d reflect.Value, dest any) error {
	switch {
	case d.Kind() == reflect.String:
		d.SetString(string(v.bytes))
	case d.Kind() == reflect.Slice && d.Type().Elem().Kind() == reflect.Uint8:
		d.SetBytes(append(make([]byte, 0, len(v.bytes)), v.bytes...))
	case d.Kind() == reflect.Array && d.Type().Elem().Kind() == reflect.Uint8:
		if len(v.bytes) != d.Len() {
			return fmt.Errorf("db: %d bytes do not fill %T", len(v.bytes), dest)
		}
		reflect.Copy(d, reflect.ValueOf(v.bytes))
	default:
		return mismatch(v, dest)
	}
	return nil
}

func mismatch(v *value, dest any) error {
	if v.kind == kindNull {
		return fmt.Errorf("db: NULL does not scan into %T: use a pointer to a pointer", dest)
	}
	return fmt.Errorf("db: %s does not scan into %T", v.kind, dest)
}
