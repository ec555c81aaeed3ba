package imap

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Tag tells the three kinds of answers apart.
type Tag uint8

const (
	Untagged Tag = iota
	Tagged       // ends the current command
	Continue     // "+": the server waits for more
)

// Response is one answer. Its bytes are valid until the next is read.
type Response struct {
	Tag    Tag
	HasNum bool
	Num    uint32 // of "* 12 FETCH"
	Kind   []byte // "FETCH", "EXISTS", "OK"
	Rest   []byte // what follows the kind
}

// Is compares the kind.
func (r Response) Is(kind string) bool { return string(r.Kind) == kind }

func parseResponse(raw, tag []byte) (Response, error) {
	if len(raw) > 2 && raw[0] == '*' && raw[1] == ' ' {
		return parseUntagged(raw[2:], raw)
	}
	first, rest, _ := bytes.Cut(raw, []byte(" "))
	switch {
	case string(first) == "+":
		return Response{Tag: Continue, Rest: rest}, nil
	case len(tag) > 0 && bytes.Equal(first, tag):
		kind, text, _ := bytes.Cut(rest, []byte(" "))
		return Response{Tag: Tagged, Kind: kind, Rest: text}, nil
	}
	return Response{}, &ProtocolError{"not an answer to any command", string(raw)}
}

func parseUntagged(rest, raw []byte) (r Response, err error) {
	word, after, _ := bytes.Cut(rest, []byte(" "))
	if len(word) > 0 && word[0] >= '0' && word[0] <= '9' {
		if r.Num, err = number(word); err != nil {
			return Response{}, &ProtocolError{"a damaged number", string(raw)}
		}
		r.HasNum = true
		word, after, _ = bytes.Cut(after, []byte(" "))
	}
	if len(word) == 0 {
		return Response{}, &ProtocolError{"an answer without a kind", string(raw)}
	}
	r.Kind, r.Rest = word, after
	return r, nil
}

func number(b []byte) (uint32, error) {
	n := uint64(0)
	if len(b) == 0 || len(b) > 10 {
		return 0, strconv.ErrSyntax
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, strconv.ErrSyntax
		}
		n = n*10 + uint64(c-'0')
	}
	if n > 1<<32-1 {
		return 0, strconv.ErrRange
	}
	return uint32(n), nil
}

// Number reads an IMAP number.
func Number(b []byte) (uint32, error) {
	n, err := number(b)
	if err != nil {
		return 0, &ProtocolError{"not a number", string(b)}
	}
	return n, nil
}

// Code finds "[NAME value]" at the beginning of a status answer's text.
func (r Response) Code(name string) (value []byte, ok bool) {
	if len(r.Rest) == 0 || r.Rest[0] != '[' {
		return nil, false
	}
	inside, _, found := bytes.Cut(r.Rest[1:], []byte("]"))
	key, value, _ := bytes.Cut(inside, []byte(" "))
	return value, found && string(key) == name
}

// Items walks over the items of a FETCH answer or another list of names and values.
//
//	for it := r.Items(); it.Next(); { use it.Name and it.Value }
type Items struct {
	Name  []byte // as the server wrote it, "BODY[HEADER.FIELDS (SUBJECT)]" as one
	Value []byte // raw: see Text
	rest  []byte
	err   error
}

// Items begins a walk; r.Rest must be a parenthesized list.
func (r Response) Items() *Items {
	it := &Items{}
	it.Reset(r)
	return it
}

// Reset begins a walk over another answer without allocating.
func (it *Items) Reset(r Response) {
	*it = Items{}
	if len(r.Rest) < 2 || r.Rest[0] != '(' || r.Rest[len(r.Rest)-1] != ')' {
		it.err = &ProtocolError{"not a list of items", string(r.Rest[:min(200, len(r.Rest))])}
		return
	}
	it.rest = r.Rest[1 : len(r.Rest)-1]
}

// Next goes to the next item; false at the end or on an error.
func (it *Items) Next() bool {
	if it.err != nil || len(it.rest) == 0 {
		return false
	}
	end := nameEnd(it.rest)
	if end == 0 || end == len(it.rest) {
		it.err = &ProtocolError{"an item without a value", string(it.rest[:min(200, len(it.rest))])}
		return false
	}
	it.Name = it.rest[:end]
	it.rest = it.rest[end+1:]
	n, err := skipValue(it.rest)
	if err != nil {
		it.err = err
		return false
	}
	it.Value = it.rest[:n]
	it.rest = bytes.TrimPrefix(it.rest[n:], []byte(" "))
	return true
}

// Err is what ended the walk early.
func (it *Items) Err() error { return it.err }

// nameEnd is where the space after the name is; one inside brackets is part of it.
func nameEnd(b []byte) int {
	depth := 0
	for i, c := range b {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		case ' ':
			if depth <= 0 {
				return i
			}
		}
	}
	return len(b)
}

// skipValue is the length of the value at the beginning of b.
func skipValue(b []byte) (int, error) {
	depth, i := 0, 0
	for i < len(b) {
		var err error
		switch c := b[i]; c {
		case '(':
			depth++
			i++
		case ')':
			depth--
			i++
		case ' ':
			i++
		case '"':
			i, err = skipQuoted(b, i)
		case '{', '~':
			i, err = skipLiteral(b, i)
		default:
			i = skipAtom(b, i)
		}
		if err != nil {
			return 0, err
		}
		if depth < 0 {
			break
		}
		if depth == 0 {
			return i, nil
		}
	}
	return 0, &ProtocolError{"unbalanced parentheses", string(b[:min(200, len(b))])}
}

func skipQuoted(b []byte, i int) (int, error) {
	for j := i + 1; j < len(b); {
		quote := bytes.IndexByte(b[j:], '"')
		if quote < 0 {
			break
		}
		escape := bytes.IndexByte(b[j:j+quote], '\\')
		if escape < 0 {
			return j + quote + 1, nil
		}
		j += escape + 2
	}
	return 0, &ProtocolError{"a quoted string without an end", string(b[i:min(i+200, len(b))])}
}

func skipLiteral(b []byte, i int) (int, error) {
	eol := bytes.IndexByte(b[i:], '\n')
	if eol >= 0 {
		if n, ok := literalSize(b[i : i+eol+1]); ok && i+eol+1+n <= len(b) {
			return i + eol + 1 + n, nil
		}
	}
	return 0, &ProtocolError{"a damaged literal", string(b[i:min(i+200, len(b))])}
}

func skipAtom(b []byte, i int) int {
	for i < len(b) && b[i] != ' ' && b[i] != '(' && b[i] != ')' && b[i] != '"' {
		i++
	}
	return i
}

// Text is the content of a string value: a literal, a quoted string, NIL or an atom.
func Text(value []byte) ([]byte, error) {
	switch {
	case len(value) == 0:
		return nil, errors.New("an empty value")
	case value[0] == '"':
		return unquote(value[1 : len(value)-1]), nil
	case value[0] == '{' || value[0] == '~':
		eol := bytes.IndexByte(value, '\n')
		return value[eol+1:], nil
	case value[0] == '(':
		return nil, fmt.Errorf("a list where a string belongs: %.50q", value)
	case string(value) == "NIL":
		return nil, nil
	}
	return value, nil
}

func unquote(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// HasFlag looks for a flag in the value of FLAGS; case does not matter (RFC 9051 2.3.2).
func HasFlag(value []byte, flag string) bool {
	for i := 0; i < len(value); i++ {
		end := skipAtom(value, i)
		if end-i == len(flag) && strings.EqualFold(string(value[i:end]), flag) {
			return true
		}
		i = end
	}
	return false
}
