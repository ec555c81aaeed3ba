package oidcserver

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// scopes are the words of RFC 6749 3.3 and what they let a program do, in words for the page.
var scopes = []struct {
	word string
	is   auth.Scope
	text string
}{
	{"mail", auth.AllMail, ""},
	{"mail:read", auth.ReadMail, "Read your mail, contacts and settings"},
	{"mail:write", auth.WriteMail, "Change, move and delete mail, and change settings"},
	{"mail:send", auth.SendMail, "Send mail in your name"},
	{"urn:ietf:params:oauth:scope:mail", auth.AllMail, ""}, // what mail programs ask every server for
}

func scopeWords() (words []string) {
	for _, s := range scopes {
		words = append(words, s.word)
	}
	return words
}

// parseScope reads what a program asks for: all, where it says nothing. Words that are not known are left out (RFC 6749 3.3), so that a
// program may ask for contacts, too; the answer says what it got. 0 where none is left.
func parseScope(text string) (scope auth.Scope) {
	if strings.TrimSpace(text) == "" {
		return auth.AllMail
	}
	for word := range strings.FieldsSeq(text) {
		for _, s := range scopes {
			if s.word == word {
				scope |= s.is
			}
		}
	}
	return scope
}

// scopeText is a scope in words of the wire.
func scopeText(scope auth.Scope) string {
	if scope == auth.AllMail {
		return "mail"
	}
	var words []string
	for _, s := range scopes {
		if s.text != "" && scope&s.is != 0 {
			words = append(words, s.word)
		}
	}
	return strings.Join(words, " ")
}

// scopeLines are what a scope allows, for the page.
func scopeLines(scope auth.Scope) (lines []string) {
	for _, s := range scopes {
		if s.text != "" && scope&s.is != 0 {
			lines = append(lines, s.text)
		}
	}
	return lines
}
