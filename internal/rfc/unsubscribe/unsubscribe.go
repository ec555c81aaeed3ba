// Package unsubscribe reads from a message how one leaves the list that it came by (RFC 2369 3.2), and with one click (RFC 8058).
//
// # Limits
//
// Of a field's URIs the first MaxURIs are read, up to MaxURI bytes each.
package unsubscribe

import (
	"net/url"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Limits.
const (
	MaxURIs = 16
	MaxURI  = 4 << 10
)

// The fields.
const (
	Field     = "List-Unsubscribe"
	PostField = "List-Unsubscribe-Post"
)

// Name and Value are what is posted (RFC 8058 3.1).
const (
	Name  = "List-Unsubscribe"
	Value = "One-Click"
)

// Ways are how one leaves a list. What the message does not name is "".
type Ways struct {
	Post string // https URI that a POST to unsubscribes, if the fields are signed (RFC 8058 4)
	Page string // https or http URI, for a person
	Mail string // mailto URI
}

// Read reads them from a message's header.
func Read(block []byte) (w Ways) {
	var lists, posts []string
	for f := range header.Fields(block) {
		switch {
		case strings.EqualFold(string(f.Name), Field):
			lists = append(lists, f.Value())
		case strings.EqualFold(string(f.Name), PostField):
			posts = append(posts, f.Value())
		}
	}
	if len(lists) != 1 { // RFC 2369 3: a field comes once
		return w
	}
	secure := 0
	for _, uri := range uris(lists[0]) {
		u, err := url.Parse(uri)
		if err != nil {
			continue
		}
		switch u.Scheme {
		case "https":
			if secure++; secure == 1 {
				w.Post = uri
			}
			fallthrough
		case "http":
			if w.Page == "" && u.Host != "" {
				w.Page = uri
			}
		case "mailto":
			if w.Mail == "" {
				w.Mail = uri
			}
		}
	}
	// RFC 8058 3.1: exactly one https URI, and the other field says that it is meant so.
	if secure != 1 || len(posts) != 1 || !strings.EqualFold(strings.TrimSpace(posts[0]), Name+"="+Value) {
		w.Post = ""
	}
	return w
}

// uris are those in angle brackets; white space within is folding, comments between are not looked at (RFC 2369 2).
func uris(value string) (list []string) {
	for len(list) < MaxURIs {
		_, rest, found := strings.Cut(value, "<")
		uri, after, closed := strings.Cut(rest, ">")
		if !found || !closed {
			return list
		}
		uri = strings.Join(strings.Fields(uri), "")
		if len(uri) <= MaxURI {
			list = append(list, uri)
		}
		value = after
	}
	return list
}
