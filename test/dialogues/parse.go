package dialogues

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// step is one line of a dialogue.
type step struct {
	file string
	line int
	text string // as written, for failures
	conn string // "" for a step that belongs to no connection
	op   string
	arg  string
	body *step // of repeat
}

const (
	maxIncludeDepth = 8
	maxRepeat       = 100_000
)

// connOps are the operators that stand after a connection's name, and whether they take an argument.
var connOps = map[string]bool{
	"->": true, "~>": true, "<-": true, "<~": true, "<+": true, "<&": true, "<=": true, "=>": true,
	"open": true, "close": false, "closed": false,
}

var connName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// load reads a dialogue and everything it includes.
func load(path string, depth int) ([]*step, error) {
	if depth > maxIncludeDepth {
		return nil, fmt.Errorf("%s: includes are more than %d deep", path, maxIncludeDepth)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var steps []*step
	for i, text := range strings.Split(string(data), "\n") {
		text = strings.TrimSuffix(text, "\r")
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		s, err := parseStep(path, i+1, text)
		if err != nil {
			return nil, err
		}
		if s.op != "include" {
			steps = append(steps, s)
			continue
		}
		included, err := load(filepath.Join(filepath.Dir(path), s.arg), depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		steps = append(steps, included...)
	}
	return steps, nil
}

func parseStep(file string, line int, text string) (*step, error) {
	s := &step{file: file, line: line, text: text}
	bad := func(why string) (*step, error) { return nil, fmt.Errorf("%s:%d: %s: %s", file, line, text, why) }
	first, rest, _ := strings.Cut(text, " ")
	switch first {
	case "include", "set", "do":
		s.op, s.arg = first, rest
		if rest == "" {
			return bad(first + " needs an argument")
		}
		return s, nil
	case "repeat":
		count, again, _ := strings.Cut(rest, " ")
		if n, err := strconv.Atoi(count); err != nil || n < 1 || n > maxRepeat {
			return bad(fmt.Sprintf("repeat wants a number from 1 to %d", maxRepeat))
		}
		body, err := parseStep(file, line, again)
		if err != nil {
			return nil, err
		}
		if body.op == "include" {
			return bad("an include cannot be repeated")
		}
		s.op, s.arg, s.body = first, count, body
		return s, nil
	}
	s.conn = first
	s.op, s.arg, _ = strings.Cut(rest, " ")
	takesArg, known := connOps[s.op]
	switch {
	case !connName.MatchString(s.conn):
		return bad("a step begins with a connection's name, include, set, do or repeat")
	case !known:
		return bad("unknown operator " + strconv.Quote(s.op))
	case !takesArg && s.arg != "":
		return bad(s.op + " takes no argument")
	case s.op == "=>" && s.arg != "starttls" && s.arg != "deflate":
		return bad("=> knows starttls and deflate only")
	}
	return s, nil
}

var reference = regexp.MustCompile(`\$(?:\$|[A-Za-z_]\w*|\{[^{}]*\})`)

// expand puts variables into text; quote is applied to what they stand for.
func expand(text string, vars map[string]string, quote func(string) string) (string, error) {
	var failure error
	out := reference.ReplaceAllStringFunc(text, func(ref string) string {
		if ref == "$$" {
			return quote("$")
		}
		value, err := resolve(strings.Trim(ref[1:], "{}"), vars)
		if err != nil && failure == nil {
			failure = err
		}
		return quote(value)
	})
	return out, failure
}

// resolve gives the value of a reference without dollar and braces: NAME, #NAME or text*N.
func resolve(name string, vars map[string]string) (string, error) {
	if star := strings.LastIndexByte(name, '*'); star >= 0 {
		n, err := strconv.Atoi(name[star+1:])
		if err != nil || n < 0 || n*star > maxLine {
			return "", fmt.Errorf("${%s} is not ${text*count}", name)
		}
		return strings.Repeat(name[:star], n), nil
	}
	bare, wantLength := strings.CutPrefix(name, "#")
	value, ok := vars[bare]
	if !ok {
		return "", fmt.Errorf("the variable %q is not set (write $$ for a dollar)", bare)
	}
	if wantLength {
		return strconv.Itoa(len(value)), nil
	}
	return value, nil
}

// unescape turns \r \n \t \0 \\ and \xHH into their bytes.
func unescape(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		i++
		if i == len(text) {
			return "", fmt.Errorf("the text ends with a single backslash")
		}
		if at := strings.IndexByte(`rnt0\`, text[i]); at >= 0 {
			b.WriteByte("\r\n\t\x00\\"[at])
			continue
		}
		if text[i] != 'x' || i+2 >= len(text) {
			return "", fmt.Errorf(`\%c is not one of \r \n \t \0 \\ \xHH`, text[i])
		}
		n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf(`\x%s is not \xHH`, text[i+1:i+3])
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}
