package header

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// filterBuffer is also how long a field name can be to be found.
const filterBuffer = 4096

// Filter is a reader of some fields of a header, byte for byte, in constant memory.
type Filter struct {
	src     *bufio.Reader
	names   map[string]bool // in lower case
	longest int
	exclude bool

	rest   []byte // of the source's buffer, to be given
	inLine bool   // rest did not end a line
	keep   bool   // the present field is selected
	err    error
}

// NewFilter reads the header from r and passes on the fields of those names (compared without case) or, if exclude is
// set, all others. The blank line is always passed on where there is one (RFC 9051 6.4.5.1), and nothing after it.
// Lines that are no field belong to no name.
func NewFilter(r io.Reader, names []string, exclude bool) *Filter {
	f := &Filter{src: bufio.NewReaderSize(r, filterBuffer), exclude: exclude, keep: exclude, names: make(map[string]bool, len(names))}
	for _, name := range names {
		f.names[strings.ToLower(name)] = true
		f.longest = max(f.longest, len(name))
	}
	return f
}

// Without reads a whole message, byte for byte but for the fields of that name in its header.
func Without(r io.Reader, name string) io.Reader {
	f := NewFilter(r, []string{name}, true)
	return io.MultiReader(f, f.src)
}

func (f *Filter) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.next()
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// next takes the next line, or the next piece of a long one.
func (f *Filter) next() {
	line, err := f.src.ReadSlice('\n')
	switch {
	case f.inLine:
	case IsBlank(line):
		f.rest, f.err = line, io.EOF
		return
	case !IsContinuation(line):
		f.keep = f.selects(line)
	}
	f.inLine = err == bufio.ErrBufferFull
	if err != nil && !f.inLine {
		f.err = err
	}
	if f.keep {
		f.rest = line
	}
}

func (f *Filter) selects(line []byte) bool {
	name, _, ok := SplitName(line)
	if ok && len(name) <= f.longest && f.names[string(bytes.ToLower(name))] {
		return !f.exclude
	}
	return f.exclude
}
