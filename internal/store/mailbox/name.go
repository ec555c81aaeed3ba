package mailbox

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Separator stands between the levels of a path.
const Separator = "/"

// Inbox is the path of the mailbox that every account has (RFC 9051 5.1).
const Inbox = "INBOX"

// The first levels under which accounts see the mailboxes of others. No mailbox of an account's own has such a path.
const (
	OtherUsers    = "Other Users"
	SharedFolders = "Shared Folders"
)

// Foreign reports whether a path is one of another account's mailbox, or of what lies above such.
func Foreign(path string) bool {
	first, _, _ := strings.Cut(path, Separator)
	return first == OtherUsers || first == SharedFolders
}

// An address may hold what separates levels (RFC 5322 3.2.3: "/" is atext).
var escapeAddress = strings.NewReplacer("%", "%25", Separator, "%2F")

// ForeignPrefix is what stands before the paths of an account's mailboxes where others see them. forMany says that they are for
// many.
func ForeignPrefix(address mail.Address, forMany bool) string {
	space := OtherUsers
	if forMany {
		space = SharedFolders
	}
	return space + Separator + escapeAddress.Replace(address.String()) + Separator
}

// newPath is splitPath for a mailbox that gets the path. A separator at the end, which announces children, is dropped.
func newPath(op, path string) ([]string, error) {
	levels, err := splitPath(op, strings.TrimSuffix(path, Separator))
	if err == nil && Foreign(levels[0]) {
		err = mail.E(op, mail.Invalid, fmt.Errorf("%q is where the mailboxes of others are shown: choose another name", levels[0]))
	}
	return levels, err
}

// splitPath checks a path and returns its levels, each in Unicode normalization form C.
func splitPath(op, path string) ([]string, error) {
	levels := strings.Split(path, Separator)
	most := MaxDepth
	if Foreign(path) {
		most += 2 // the namespace, and whose it is
	}
	if len(levels) > most {
		return nil, mail.E(op, mail.Limit, fmt.Errorf("a mailbox name has at most %d levels, not %d", MaxDepth, len(levels)))
	}
	for i, level := range levels {
		name, err := checkName(op, level)
		if err != nil {
			return nil, err
		}
		levels[i] = name
	}
	// RFC 9051 5.1: INBOX in any case is INBOX. Its children follow, or "inbox/a" would need a second INBOX above it.
	if strings.EqualFold(levels[0], Inbox) {
		levels[0] = Inbox
	}
	// RFC 9051 5.1.2.1: "#" begins a namespace of its own.
	if strings.HasPrefix(levels[0], "#") {
		return nil, mail.E(op, mail.Invalid, errors.New(`a mailbox name does not start with "#"`))
	}
	return levels, nil
}

// checkName checks the name of one level and returns it normalised. The rules are those of Net-Unicode (RFC 5198), which
// RFC 8621 2 asks for, and no separator.
func checkName(op, name string) (string, error) {
	bad := func(format string, args ...any) (string, error) {
		return "", mail.E(op, mail.Invalid, fmt.Errorf(format, args...))
	}
	if len(name) > 4*MaxName { // normalising may shorten, but not that much
		return bad("a mailbox name has at most %d bytes a level", MaxName)
	}
	if !utf8.ValidString(name) {
		return bad("a mailbox name is valid UTF-8")
	}
	name = norm.NFC.String(name)
	switch {
	case name == "":
		return bad("a mailbox name has no empty level")
	case len(name) > MaxName:
		return bad("a mailbox name has at most %d bytes a level, not %d", MaxName, len(name))
	case strings.Contains(name, Separator):
		return bad("a level of a mailbox name does not hold %q", Separator)
	}
	for _, r := range name {
		switch {
		case unicode.IsControl(r):
			return bad("a mailbox name holds no control character (%U)", r)
		case r == '\u2028' || r == '\u2029':
			return bad("a mailbox name holds no line separator (%U)", r)
		case r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef:
			return bad("a mailbox name holds no noncharacter (%U)", r)
		}
	}
	return name, nil
}
