package unsubscribe

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
	for name, c := range map[string]struct {
		header string
		want   Ways
	}{
		"one click":     {"List-Unsubscribe: <https://a.example/u?x=1>\r\n" + post, Ways{"https://a.example/u?x=1", "https://a.example/u?x=1", ""}},
		"with mail":     {"list-unsubscribe: (comment) <mailto:a@b.example?subject=x>,\r\n <https://a.exa\r\n mple/>\r\nLIST-unsubscribe-post: list-unsubscribe=one-click \r\n", Ways{"https://a.example/", "https://a.example/", "mailto:a@b.example?subject=x"}},
		"no post":       {"List-Unsubscribe: <https://a.example/>\r\n", Ways{"", "https://a.example/", ""}},
		"another post":  {"List-Unsubscribe: <https://a.example/>\r\nList-Unsubscribe-Post: x=y\r\n", Ways{"", "https://a.example/", ""}},
		"two posts":     {"List-Unsubscribe: <https://a.example/>\r\n" + post + post, Ways{"", "https://a.example/", ""}},
		"two https":     {"List-Unsubscribe: <https://a.example/>, <https://b.example/>\r\n" + post, Ways{"", "https://a.example/", ""}},
		"http":          {"List-Unsubscribe: <http://a.example/>\r\n" + post, Ways{"", "http://a.example/", ""}},
		"two fields":    {"List-Unsubscribe: <https://a.example/>\r\nList-Unsubscribe: <https://b.example/>\r\n" + post, Ways{}},
		"other schemes": {"List-Unsubscribe: <javascript:alert(1)>, <ftp://a.example/>, <file:///etc/passwd>\r\n" + post, Ways{}},
		"no brackets":   {"List-Unsubscribe: https://a.example/\r\n" + post, Ways{}},
		"open end":      {"List-Unsubscribe: <https://a.example/\r\n" + post, Ways{}},
		"nothing":       {"Subject: x\r\n", Ways{}},
		"too long":      {"List-Unsubscribe: <https://a.example/" + strings.Repeat("x", MaxURI) + ">\r\n" + post, Ways{}},
		"too many":      {"List-Unsubscribe: " + strings.Repeat("<x:>", MaxURIs) + "<https://a.example/>\r\n" + post, Ways{}},
		"page before":   {"List-Unsubscribe: <http://a.example/>, <https://b.example/>\r\n" + post, Ways{"https://b.example/", "http://a.example/", ""}},
	} {
		if got := Read([]byte(c.header + "\r\n")); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
