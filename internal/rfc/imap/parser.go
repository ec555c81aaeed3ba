package imap

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// parser takes the tokens of one command from its lines. The first error stays: after it every method returns zero
// values and reads nothing, so that a parse function is written straight down and looks at the error where it would loop.
type parser struct {
	r         *Reader
	raw       []byte // the last line read; the literal that it announces is still in the source
	line      []byte // what is left of raw
	depth     int
	items     int // list items and search keys so far
	canonical []CanonicalName
	charset   string // of SEARCH, "" when not given
	err       error
}

// nextLine reads the line after a literal, or the first.
func (p *parser) nextLine() {
	if p.err != nil {
		return
	}
	line, defect, err := p.r.readLine()
	switch {
	case err != nil:
		p.abort(err)
	case defect != nil:
		p.raw = line
		p.line = line
		if p.r.tag == "" { // the reply to a damaged line should carry its tag
			p.tag()
			defect.Tag = p.r.tag
		}
		p.err, p.line = defect, nil
	default:
		p.raw, p.line = line, line
		p.charge(len(line))
	}
}

// charge counts octets against the limit of the command.
func (p *parser) charge(octets int) bool {
	if p.r.used += octets; p.r.used <= p.r.limits.Command {
		return true
	}
	p.fail(p.r.failure(BAD, CodeTooBig, "a command has at most "+strconv.Itoa(p.r.limits.Command)+" octets besides messages"))
	return false
}

// fail refuses the command.
func (p *parser) fail(e *Error) {
	if p.err == nil {
		p.err, p.line = e, nil
	}
}

func (p *parser) bad(text string) { p.fail(p.r.failure(BAD, "", text)) }

// expected is bad with a look at what stands there instead.
func (p *parser) expected(what string) {
	if len(p.line) == 0 {
		p.bad("expected " + what + " before the end of the line")
		return
	}
	p.bad("expected " + what + " at " + strconv.QuoteToASCII(string(p.line[:min(len(p.line), 20)])))
}

// abort ends reading because the connection failed.
func (p *parser) abort(err error) {
	if _, refused := p.err.(*Error); p.err == nil || refused {
		p.err, p.line = err, nil
	}
}

// giveUp consumes what is left of a refused command and returns the error for the caller.
func (p *parser) giveUp() error {
	refusal, ok := p.err.(*Error)
	if !ok || refusal.Fatal {
		return p.err
	}
	if err := p.r.skip(p.raw); err != nil {
		return err
	}
	return refusal
}

// maxNamed is how much of an unknown command its refusal repeats.
const maxNamed = 40

// command reads a whole command.
func (p *parser) command() Command {
	p.tag()
	p.sp()
	name := p.name("a command")
	if name == "UID" {
		p.sp()
		name += " " + p.name("a command after UID")
	}
	if p.err != nil {
		return nil
	}
	v, known := syntax.verbs[name]
	if !known {
		p.bad("unknown command " + name[:min(len(name), maxNamed)])
		return nil
	}
	p.r.name = name
	if v.states&p.r.state == 0 {
		p.bad(wrongState(name, v.states))
		return nil
	}
	command := v.parse(p)
	if p.r.messages == nil {
		p.end()
	}
	return command
}

func wrongState(name string, allowed State) string {
	switch {
	case allowed&Authenticated != 0:
		return name + " is not allowed before authentication"
	case allowed&Selected != 0:
		return name + " needs a selected mailbox"
	}
	return name + " is not allowed after authentication"
}

// tag reads the tag and keeps it for the reply.
func (p *parser) tag() {
	n := 0
	for n < len(p.line) && isAString(p.line[n]) && p.line[n] != '+' {
		n++
	}
	const longest = 255 // a tag is repeated in the reply
	if n == 0 || n > longest || n == len(p.line) || p.line[n] != ' ' {
		p.bad("a command begins with a tag, a space and a name")
		return
	}
	p.r.tag = string(p.take(n))
}

func (p *parser) take(n int) []byte {
	taken := p.line[:n]
	p.line = p.line[n:]
	return taken
}

// peek returns the next octet, 0 at the end of the line.
func (p *parser) peek() byte {
	if len(p.line) == 0 {
		return 0
	}
	return p.line[0]
}

// accept takes c if it is next.
func (p *parser) accept(c byte) bool {
	if p.peek() != c || len(p.line) == 0 {
		return false
	}
	p.line = p.line[1:]
	return true
}

func (p *parser) expect(c byte) {
	if !p.accept(c) {
		p.expected(strconv.QuoteRune(rune(c)))
	}
}

// sp takes the one space between two arguments.
func (p *parser) sp() {
	if !p.accept(' ') {
		p.expected("a space")
	}
}

// end makes sure that the line has no more.
func (p *parser) end() {
	if p.err == nil && len(p.line) > 0 {
		p.expected("the end of the line")
	}
}

// name takes the name of a command, item, option or key, in capitals.
func (p *parser) name(what string) string {
	n := 0
	for n < len(p.line) && isName(p.line[n]) {
		n++
	}
	if n == 0 {
		p.expected(what)
		return ""
	}
	return strings.ToUpper(string(p.take(n)))
}

// atom takes one or more octets of a kind.
func (p *parser) atom(what string, kind func(byte) bool) string {
	n := 0
	for n < len(p.line) && kind(p.line[n]) {
		n++
	}
	if n == 0 {
		p.expected(what)
		return ""
	}
	return string(p.take(n))
}

// astring takes an atom or a string.
func (p *parser) astring(what string) string { return p.stringOr(what, isAString) }

// stringOr takes a string or an atom of the given octets.
func (p *parser) stringOr(what string, kind func(byte) bool) string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	return p.atom(what, kind)
}

// quoted takes a quoted string. RFC 9051 4.3 and RFC 6855 3: it may hold UTF-8, and nothing else above 127.
func (p *parser) quoted() string {
	p.expect('"')
	var b []byte
	for i := 0; i < len(p.line); i++ {
		switch c := p.line[i]; c {
		case '"':
			p.line = p.line[i+1:]
			if !utf8.Valid(b) {
				p.bad("a quoted string must be valid UTF-8")
			}
			return string(b)
		case '\\':
			i++
			if i == len(p.line) || p.line[i] != '"' && p.line[i] != '\\' {
				p.bad(`in a quoted string a backslash stands only before " and \`)
				return ""
			}
			b = append(b, p.line[i])
		default:
			b = append(b, c)
		}
	}
	p.bad("a quoted string has no closing quote")
	return ""
}

// number takes an unsigned 32-bit number.
func (p *parser) number(what string) uint32 {
	n := p.number64(what)
	if n > 1<<32-1 {
		p.bad(what + " is a number up to 4294967295")
		return 0
	}
	return uint32(n)
}

func (p *parser) nonZero(what string) uint32 {
	n := p.number(what)
	if n == 0 && p.err == nil {
		p.bad(what + " must not be 0")
	}
	return n
}

// number64 takes an unsigned 63-bit number.
func (p *parser) number64(what string) int64 {
	n, err := strconv.ParseInt(p.atom(what, isDigit), 10, 64)
	if err != nil && p.err == nil {
		p.bad(what + " is a number up to 9223372036854775807")
		return 0
	}
	return n
}

// list takes "(" item *(SP item) ")" and returns how many items there were, which may be none.
func (p *parser) list(item func()) int {
	p.expect('(')
	if p.accept(')') {
		return 0
	}
	p.enter()
	defer p.leave()
	for n := 1; p.err == nil; n++ {
		p.countItem()
		item()
		if p.accept(')') {
			return n
		}
		p.sp()
	}
	return 0
}

// nonEmpty refuses an empty list.
func (p *parser) nonEmpty(items int, what string) {
	if items == 0 {
		p.bad(what + " must not be empty")
	}
}

func (p *parser) enter() {
	if p.depth++; p.depth > p.r.limits.Depth {
		p.fail(p.r.failure(BAD, CodeLimit, "a command nests at most "+strconv.Itoa(p.r.limits.Depth)+" levels"))
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) countItem() {
	if p.items++; p.items > p.r.limits.ListItems {
		p.fail(p.r.failure(BAD, CodeLimit, "a command has at most "+strconv.Itoa(p.r.limits.ListItems)+" items"))
	}
}

// mailbox takes a mailbox name and returns it in UTF-8.
func (p *parser) mailbox() string {
	written := p.astring("a mailbox name")
	if p.err != nil {
		return ""
	}
	name, given, err := p.r.dialect.canonicalName(written)
	if err != nil {
		// The command is well formed; RFC 5530: the name can never be used.
		p.fail(p.r.failure(NO, CodeCannot, err.Error()))
		return ""
	}
	if name != given {
		p.canonical = append(p.canonical, CanonicalName{given, name})
	}
	return name
}

// numbers takes a message set. "$" is refused where saved is false.
func (p *parser) numbers(uid bool) Numbers {
	if p.accept('$') {
		return Numbers{UID: uid, Saved: true}
	}
	return Numbers{UID: uid, Set: p.set("a message set")}
}

func (p *parser) set(what string) Set {
	text := p.atom(what, isSetOctet)
	if p.err != nil {
		return nil
	}
	set, err := parseSet(text, p.r.limits.SetElements)
	switch {
	case err == errTooManyRanges:
		p.fail(p.r.failure(BAD, CodeLimit, "a number set has at most "+strconv.Itoa(p.r.limits.SetElements)+" ranges"))
	case err != nil:
		p.bad(err.Error())
	}
	return set
}

// staticSet takes a set without "*": RFC 9051 4.1.1 calls it a UID set.
func (p *parser) staticSet(what string) Set {
	set := p.set(what)
	if set.Dynamic() {
		p.bad(what + ` must not hold "*"`)
	}
	return set
}

// flag takes a system flag or keyword.
func (p *parser) flag() string {
	if p.accept('\\') {
		return `\` + p.atom("a flag name", isAtom)
	}
	return p.atom("a flag", isAtom)
}

func (p *parser) flagList() []string {
	flags := []string{}
	p.list(func() { flags = append(flags, p.flag()) })
	return flags
}

// isAtom is ATOM-CHAR of RFC 9051 9.
func isAtom(c byte) bool {
	if c <= ' ' || c >= 0x7f {
		return false
	}
	switch c {
	case '(', ')', '{', '%', '*', '"', '\\', ']':
		return false
	}
	return true
}

func isAString(c byte) bool   { return isAtom(c) || c == ']' }
func isListOctet(c byte) bool { return isAString(c) || isWildcard(c) }
func isDigit(c byte) bool     { return c >= '0' && c <= '9' }
func isSetOctet(c byte) bool  { return isDigit(c) || c == ':' || c == ',' || c == '*' }

func isName(c byte) bool {
	return isDigit(c) || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '.' || c == '-' || c == '=' || c == '+' || c == '_'
}
