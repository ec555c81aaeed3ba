package search

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// fold is what makes two spellings the same: lower case.
func fold(s string) string { return strings.ToLower(s) }

func contains(text, wanted string) bool { return strings.Contains(fold(text), fold(wanted)) }

// inAddresses looks at each address as people see it, "Name <local@domain>".
func inAddresses(list []header.Address, wanted string) bool {
	for _, a := range list {
		if contains(header.DecodeWords(a.Name)+" <"+a.Spec()+">", wanted) {
			return true
		}
	}
	return false
}

const window = 32 << 10

// streamContains looks for a string in a text of any length, in the memory of one window.
func streamContains(r io.Reader, wanted string) (bool, error) {
	needle := []byte(fold(wanted))
	buf := make([]byte, 0, window+len(needle))
	var seam []byte // the end of the folded text before, in which a match may begin
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		whole := len(buf)
		if err == nil {
			whole = wholeRunes(buf)
		}
		text := append(seam, bytes.ToLower(buf[:whole])...)
		if bytes.Contains(text, needle) {
			return true, nil
		}
		seam = bytes.Clone(text[max(0, len(text)-len(needle)+1):])
		buf = append(buf[:0], buf[whole:]...)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// wholeRunes is the length of b without a character that is cut off at its end.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}
