package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// EnvPrefix starts the name of every environment variable that overrides a key. It is longer than "MAILMESH_", below
// which an orchestrator puts variables of its own for a service of that name.
const EnvPrefix = "MAILMESH_CONFIG_"

// Load reads the file at path ("" for none) and the overrides in environ (as os.Environ gives them), and returns the
// checked result. The error names every fault found, one a line.
func Load(path string, environ []string) (Config, error) {
	c := Default()
	var text []byte
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return Config{}, fmt.Errorf("read the configuration: %w", err)
		}
		if err := decode(path, text, &c); err != nil {
			return Config{}, err
		}
	}
	fromEnv, err := override(&c, environ)
	if err != nil {
		return Config{}, err
	}
	var errs []error
	set := lines(text)
	for _, f := range c.check() {
		errs = append(errs, fmt.Errorf("%s: %s: %w; accepted: %s", place(path, set, f.key, fromEnv), f.key, f.err, accepted(f.key)))
	}
	return c, errors.Join(errs...)
}

// wrongType is what the TOML library says of a value of another type than the key's.
var wrongType = regexp.MustCompile(`^cannot decode TOML ([a-z -]+) into`)

func decode(path string, text []byte, c *Config) error {
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	err := d.Decode(c)
	var unknown *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		var errs []error
		for _, e := range unknown.Errors {
			row, _ := e.Position()
			errs = append(errs, fmt.Errorf("%s:%d: unknown key %q; accepted: %s", path, row,
				strings.Join(e.Key(), "."), strings.Join(siblings(e.Key()), ", ")))
		}
		return errors.Join(errs...)
	case errors.As(err, &bad):
		row, _ := bad.Position()
		key := strings.Join(bad.Key(), ".")
		if key == "" {
			key = keyAt(text, row)
		}
		message := strings.TrimPrefix(bad.Error(), "toml: ")
		if is := wrongType.FindStringSubmatch(message); is != nil {
			message = "the value is of the type " + is[1] // without the library's words about our types
		}
		if a := accepted(key); a != "" {
			return fmt.Errorf("%s:%d: %s: %s; accepted: %s", path, row, key, message, a)
		}
		return fmt.Errorf("%s:%d: %s", path, row, message)
	}
	return err
}

// override sets the keys that environment variables name. It returns which variable set which key.
func override(c *Config, environ []string) (fromEnv map[string]string, err error) {
	byName := map[string]key{}
	for _, k := range keys() {
		byName[k.env()] = k
	}
	fromEnv = map[string]string{}
	var errs []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		k, ok := byName[name]
		if !ok {
			errs = append(errs, fmt.Errorf("environment: %s names no key", name))
			continue
		}
		if err := set(k.field(c), value); err != nil {
			errs = append(errs, fmt.Errorf("environment: %s: %w; accepted: %s", name, err, k.accept))
		}
		fromEnv[k.name] = name
	}
	return fromEnv, errors.Join(errs...)
}

// set puts the text of an environment variable into a field. Lists are separated by commas.
func set(field reflect.Value, text string) error {
	switch v := field.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		return v.UnmarshalText([]byte(text))
	case *Endpoints:
		out := Endpoints{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, Endpoint(part))
			}
		}
		*v = out
	case *Networks:
		*v = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	default:
		field.SetString(text)
	}
	return nil
}

// unplaced is where a key stands that neither a variable nor a line sets.
const unplaced = "configuration"

// place says where a key was set: the variable, the line, or nowhere but its default.
func place(path string, lines map[string]int, name string, fromEnv map[string]string) string {
	if env, ok := fromEnv[name]; ok {
		return "environment: " + env
	}
	if line := lines[name]; line > 0 {
		return fmt.Sprintf("%s:%d", path, line)
	}
	return unplaced
}

// keyAt is the key a line of TOML sets, for errors of the parser that do not tell: there may be no more than "key =".
func keyAt(text []byte, row int) string {
	section := ""
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if s, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(s, "]") + "."
		}
		if i+1 == row {
			k, _, _ := strings.Cut(line, "=")
			return section + strings.TrimSpace(k)
		}
	}
	return ""
}
