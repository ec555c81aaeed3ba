package imapserver

import (
	"strings"
	"testing"
)

// Without a JMAP door nothing leads there.
func TestWithoutJMAP(t *testing.T) {
	f := serve(t, func(o *Options) { o.JMAP = "" })
	c := f.login()
	if answer := c.ok("CAPABILITY"); strings.Contains(strings.Join(answer, " "), "JMAPACCESS") {
		t.Errorf("it is offered: %q", answer)
	}
	if _, reply := c.do("GETJMAPACCESS"); !strings.Contains(reply, "BAD ") {
		t.Errorf("GETJMAPACCESS: %q", reply)
	}
}
