package measure

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/mailmesh/mailmesh/bench/smtp"
)

// Tally counts errors by what they were, with one example of each.
type Tally map[string]*Count

// Count of one kind of error.
type Count struct {
	Count   uint64 `json:"count"`
	Example string `json:"example"`
}

func (t Tally) add(kind, example string) {
	if c := t[kind]; c != nil {
		c.Count++
		return
	}
	t[kind] = &Count{1, example}
}

// outcome counts every recipient that was refused.
func (t Tally) outcome(o *smtp.Outcome) {
	for _, r := range o.Replies {
		if r.Stage != 0 && !r.Accepted() {
			t.add(fmt.Sprintf("%v %d", r.Stage, r.Code), r.Text)
		}
	}
}

func (t Tally) connection(err error) { t.add("connection: "+reason(err), err.Error()) }

func (t Tally) merge(o Tally) {
	for kind, c := range o {
		if have := t[kind]; have != nil {
			have.Count += c.Count
		} else {
			t[kind] = c
		}
	}
}

// Total is the number of errors.
func (t Tally) Total() (n uint64) {
	for _, c := range t {
		n += c.Count
	}
	return n
}

// reason is err without what differs between connections.
func reason(err error) string {
	var refused *smtp.RefusedError
	var timeout net.Error
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("%s refused with %d", refused.Doing, refused.Reply.Code)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed by the server"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset by the server"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return "other"
}

// String tells every kind with its count and example.
func (t Tally) String() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(t)) {
		parts = append(parts, fmt.Sprintf("%d x %s (%.200s)", t[kind].Count, kind, t[kind].Example))
	}
	return strings.Join(parts, "; ")
}
