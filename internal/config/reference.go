package config

import (
	"fmt"
	"reflect"
	"strings"
)

// key is one line of the reference, taken from the tags of Config.
type key struct {
	name   string // "listen.smtp"
	doc    string
	accept string
	index  []int // of the field in Config
}

func (k key) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

func (k key) field(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().FieldByIndex(k.index) }

// keys lists every key in the order of the struct.
func keys() []key {
	var out []key
	for f := range reflect.TypeFor[Config]().Fields() {
		if f.Type.Kind() != reflect.Struct {
			out = append(out, key{f.Tag.Get("toml"), f.Tag.Get("doc"), f.Tag.Get("accept"), f.Index})
			continue
		}
		for g := range f.Type.Fields() {
			out = append(out, key{f.Tag.Get("toml") + "." + g.Tag.Get("toml"), g.Tag.Get("doc"), g.Tag.Get("accept"),
				append(append([]int{}, f.Index...), g.Index...)})
		}
	}
	return out
}

// accepted is what a key or a section accepts; "" when there is none of that name.
func accepted(name string) string {
	for _, k := range keys() {
		if k.name == name {
			return k.accept
		}
	}
	if inside := siblings([]string{name, ""}); name != "" && len(inside) > 0 {
		return fmt.Sprintf("a section [%s] of %s", name, strings.Join(inside, ", "))
	}
	return ""
}

// siblings lists the names that could stand where an unknown key stands.
func siblings(path []string) []string {
	section := strings.Join(path[:len(path)-1], ".")
	var out []string
	for f := range reflect.TypeFor[Config]().Fields() {
		isSection := f.Type.Kind() == reflect.Struct
		switch {
		case section == "" && isSection:
			out = append(out, "["+f.Tag.Get("toml")+"]")
		case section == "":
			out = append(out, f.Tag.Get("toml"))
		case isSection && f.Tag.Get("toml") == section:
			for g := range f.Type.Fields() {
				out = append(out, g.Tag.Get("toml"))
			}
		}
	}
	return out
}

// Reference is docs/operations/configuration.md: every key with its meaning, accepted values, default and variable.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Made from internal/config by ` + "`make docs`" + `; do not edit.

One TOML file, named with ` + "`--config`" + `. No file is needed: every key has a default. An unknown key or a bad value
stops the start with an error that names the line and what is accepted. Each key can be overridden by an environment
variable; lists are then separated by commas.
`)
	defaults := Default()
	defaults.Hostname = "the machine's host name"
	section := ""
	for _, k := range keys() {
		if s, _, ok := strings.Cut(k.name, "."); ok && s != section {
			section = s
			f, _ := reflect.TypeFor[Config]().FieldByNameFunc(func(n string) bool {
				f, _ := reflect.TypeFor[Config]().FieldByName(n)
				return f.Tag.Get("toml") == s
			})
			fmt.Fprintf(&b, "\n## [%s]\n\n%s\n", s, f.Tag.Get("doc"))
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n- accepted: %s\n- default: %s\n- environment: `%s`\n",
			k.name, k.doc, k.accept, defaultText(k.field(&defaults).Interface()), k.env())
	}
	return b.String()
}

func defaultText(v any) string {
	switch v := v.(type) {
	case Endpoints:
		quoted := make([]string, len(v))
		for i, e := range v {
			quoted[i] = fmt.Sprintf("%q", string(e))
		}
		return "`[" + strings.Join(quoted, ", ") + "]`"
	case Networks:
		return "`[]`"
	case string:
		if v == "" {
			return "empty"
		}
		return v
	}
	return fmt.Sprintf("`%v`", v)
}
