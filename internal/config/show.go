package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
)

// Show writes c as a TOML file that says where each value comes from. c is what Load returned for path and environ, with
// what flags have changed. Passwords in URLs are not shown.
func Show(c Config, path string, environ []string) string {
	// What did load does so again.
	loaded, _ := Load(path, environ)
	fromEnv, _ := override(&Config{}, environ)
	text, _ := os.ReadFile(path) // none of ""
	set := lines(text)
	var b strings.Builder
	section := ""
	for _, k := range keys() {
		name := k.name
		if s, rest, ok := strings.Cut(k.name, "."); ok {
			if name = rest; s != section {
				section = s
				fmt.Fprintf(&b, "\n[%s]\n", s)
			}
		}
		where := "default"
		value := k.field(&c).Interface()
		switch from := place(path, set, k.name, fromEnv); {
		case !reflect.DeepEqual(value, k.field(&loaded).Interface()):
			where = "command line"
		case from != unplaced:
			where = from
		}
		fmt.Fprintf(&b, "%-40s # %s\n", name+" = "+literal(value), where)
	}
	return b.String()
}

// literal is a value as TOML writes it.
func literal(v any) string {
	switch v := v.(type) {
	case Endpoints:
		quoted := make([]string, len(v))
		for i, e := range v {
			quoted[i] = quote(string(e))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case Networks:
		quoted := make([]string, len(v))
		for i, n := range v {
			quoted[i] = quote(n)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case string:
		return quote(withoutPassword(v))
	}
	return quote(fmt.Sprint(v))
}

// passwords of a database can stand behind the question mark, too.
var passwords = regexp.MustCompile(`([?&](?:ssl)?password=)[^&]*`)

// withoutPassword hides what is secret in a URL, also in one that has a mistake.
func withoutPassword(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	if u, err := url.Parse(text); err == nil {
		if u.User != nil {
			text = u.Redacted()
		}
	} else if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, _, _ := strings.Cut(rest[:at], ":")
		text = scheme + "://" + user + ":xxxxx" + rest[at:]
	}
	return passwords.ReplaceAllString(text, "${1}xxxxx")
}

// quote writes a basic string of TOML, whose escapes JSON's are among.
func quote(s string) string {
	text, _ := json.Marshal(s) // a string cannot fail
	return string(text)
}
