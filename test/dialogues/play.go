package dialogues

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Options says what a dialogue runs against.
type Options struct {
	// Dial opens a connection to the named protocol; "" is the one a file gets that names none.
	Dial func(ctx context.Context, protocol string) (net.Conn, error)
	// TLS is the client's side of => starttls. Nil accepts every certificate.
	TLS *tls.Config
	// Vars are the variables a file starts with.
	Vars map[string]string
	// Do are the actions that "do NAME words" may call.
	Do map[string]func(words []string) error
	// Timeout bounds each wait for the server. Zero is 10 s.
	Timeout time.Duration
}

// Failure is a step that did not go as written.
type Failure struct {
	File     string
	Line     int
	Step     string // as written
	Expected string
	Got      string
	history  string
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s:%d: %s\n    expected: %s\n    got:      %s%s", f.File, f.Line, f.Step, f.Expected, f.Got, f.history)
}

// RunAll runs every file that matches the pattern as a subtest. options is called once for each, with its test: there
// it starts what the file needs and cleans up.
func RunAll(t *testing.T, pattern string, options func(t *testing.T) Options) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogue matches %s (%v)", pattern, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		t.Run(name, func(t *testing.T) { Run(t, file, options(t)) })
	}
}

// Run plays one file and fails the test at the first step that does not go as written.
func Run(t *testing.T, file string, o Options) {
	t.Helper()
	if err := Play(t.Context(), file, o); err != nil {
		t.Fatal(err)
	}
}

// Play plays one file. The error is a *Failure where the server is to blame. All connections are closed at the end.
func Play(ctx context.Context, file string, o Options) error {
	steps, err := load(file, 1)
	if err != nil {
		return err
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	p := &player{o: o, vars: map[string]string{}, conns: map[string]*conn{}}
	maps.Copy(p.vars, o.Vars)
	defer p.closeAll()
	for i := 0; i < len(steps); i++ {
		s := steps[i]
		if s.op == "<&" {
			group := anyOrderGroup(steps[i:])
			i += len(group) - 1
			err = p.expectAnyOrder(ctx, group)
		} else {
			err = p.play(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// anyOrderGroup returns the steps at the front that belong together: <& on one connection.
func anyOrderGroup(steps []*step) []*step {
	n := 1
	for n < len(steps) && steps[n].op == "<&" && steps[n].conn == steps[0].conn {
		n++
	}
	return steps[:n]
}

type player struct {
	o     Options
	vars  map[string]string
	conns map[string]*conn
}

func (p *player) closeAll() {
	for _, c := range p.conns {
		c.abandon()
	}
}

// fail makes the failure of a step; what was expected may be "", then the step says it.
func (p *player) fail(s *step, expected, got string) error {
	f := &Failure{File: s.file, Line: s.line, Step: s.text, Expected: expected, Got: got}
	if expected == "" {
		f.Expected = "no error"
	}
	if c := p.conns[s.conn]; c != nil {
		f.history = c.history()
	}
	return f
}

func (p *player) play(ctx context.Context, s *step) error {
	switch s.op {
	case "repeat":
		return p.repeat(ctx, s)
	case "set", "do":
		return p.act(s)
	case "open":
		_, err := p.open(ctx, s, s.arg)
		return err
	}
	c, err := p.conn(ctx, s)
	if err != nil {
		return err
	}
	switch s.op {
	case "->", "~>", "<-", "<=":
		return p.exchange(c, s)
	case "<~", "<+":
		return p.expectMatch(c, s)
	case "=>":
		if s.arg == "deflate" {
			err = c.deflate()
		} else {
			err = c.startTLS(ctx, p.o.TLS)
		}
	case "close":
		err = c.close()
		delete(p.conns, s.conn)
	case "closed":
		if got, err := c.expectClosed(); err != nil {
			return p.fail(s, "the connection is closed", strings.TrimSpace(err.Error()+" "+got))
		}
		c.abandon()
		delete(p.conns, s.conn)
	}
	if err != nil {
		return p.fail(s, "", err.Error())
	}
	return nil
}

func (p *player) conn(ctx context.Context, s *step) (*conn, error) {
	if c := p.conns[s.conn]; c != nil {
		return c, nil
	}
	return p.open(ctx, s, "")
}

func (p *player) open(ctx context.Context, s *step, protocol string) (*conn, error) {
	if p.conns[s.conn] != nil {
		return nil, p.fail(s, "", s.conn+" is open already")
	}
	nc, err := p.o.Dial(ctx, protocol)
	if err != nil {
		return nil, p.fail(s, "", err.Error())
	}
	c := newConn(nc, p.o.Timeout)
	p.conns[s.conn] = c
	return c, nil
}

func (p *player) repeat(ctx context.Context, s *step) error {
	n, _ := strconv.Atoi(s.arg)
	for i := range n {
		p.vars["i"] = strconv.Itoa(i + 1)
		if err := p.play(ctx, s.body); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) act(s *step) error {
	name, rest, _ := strings.Cut(s.arg, " ")
	text, err := expand(rest, p.vars, verbatim)
	if err != nil {
		return p.fail(s, "", err.Error())
	}
	if s.op == "set" {
		p.vars[name], err = unescape(text)
	} else if do := p.o.Do[name]; do != nil {
		err = do(strings.Fields(text))
	} else {
		err = fmt.Errorf("no such action; there are %q", slices.Sorted(maps.Keys(p.o.Do)))
	}
	if err != nil {
		return p.fail(s, "", err.Error())
	}
	return nil
}

func verbatim(s string) string { return s }

// exchange sends, or expects text without a pattern.
func (p *player) exchange(c *conn, s *step) error {
	text, err := expand(s.arg, p.vars, verbatim)
	if err == nil && (s.op == "~>" || s.op == "<=") {
		text, err = unescapeExpanded(s.arg, p.vars)
	}
	if err != nil {
		return p.fail(s, "", err.Error())
	}
	var got string
	switch s.op {
	case "->":
		c.send(text + "\r\n")
		return nil
	case "~>":
		c.send(text)
		return nil
	case "<-":
		got, err = c.readLine()
	case "<=":
		got, err = c.readBytes(len(text))
	}
	if err != nil || got != text {
		return p.fail(s, strconv.Quote(text), received(got, err))
	}
	return nil
}

// unescapeExpanded takes the escapes of the written text, not of what its variables hold.
func unescapeExpanded(arg string, vars map[string]string) (string, error) {
	text, err := expand(arg, vars, func(s string) string { return strings.ReplaceAll(s, `\`, `\\`) })
	if err != nil {
		return "", err
	}
	return unescape(text)
}

// received describes what came: a line, a part of one, an error.
func received(got string, err error) string {
	switch {
	case err == nil:
		return strconv.Quote(got)
	case got == "":
		return err.Error()
	}
	return strconv.Quote(got) + ", then " + err.Error()
}

func (p *player) pattern(s *step) (*regexp.Regexp, error) {
	text, err := expand(s.arg, p.vars, regexp.QuoteMeta)
	if err != nil {
		return nil, p.fail(s, "", err.Error())
	}
	re, err := regexp.Compile(`(?s)^(?:` + text + `)$`)
	if err != nil {
		return nil, p.fail(s, "a regular expression", err.Error())
	}
	return re, nil
}

// match compares and, on success, sets the variables of named groups.
func (p *player) match(re *regexp.Regexp, line string) bool {
	groups := re.FindStringSubmatch(line)
	if groups == nil {
		return false
	}
	for i, name := range re.SubexpNames() {
		if name != "" {
			p.vars[name] = groups[i]
		}
	}
	return true
}

const maxSkipped = 10_000

func (p *player) expectMatch(c *conn, s *step) error {
	re, err := p.pattern(s)
	if err != nil {
		return err
	}
	for range maxSkipped {
		line, err := c.readLine()
		if err != nil {
			return p.fail(s, s.arg, received(line, err))
		}
		if p.match(re, line) {
			return nil
		}
		if s.op == "<~" {
			return p.fail(s, s.arg, received(line, nil))
		}
	}
	return p.fail(s, s.arg, fmt.Sprintf("%d lines without it", maxSkipped))
}

// expectAnyOrder reads as many lines as there are steps; each takes the first step left that it matches.
func (p *player) expectAnyOrder(ctx context.Context, group []*step) error {
	c, err := p.conn(ctx, group[0])
	if err != nil {
		return err
	}
	left := make(map[int]*regexp.Regexp, len(group))
	for i, s := range group {
		if left[i], err = p.pattern(s); err != nil {
			return err
		}
	}
	for range group {
		line, err := c.readLine()
		found := -1
		for _, i := range slices.Sorted(maps.Keys(left)) {
			if err == nil && p.match(left[i], line) {
				found = i
				break
			}
		}
		if found < 0 {
			open := slices.Sorted(maps.Keys(left))
			return p.fail(group[open[0]], fmt.Sprintf("one of the %d lines not seen yet", len(open)), received(line, err))
		}
		delete(left, found)
	}
	return nil
}
