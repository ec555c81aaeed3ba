package imapserver

import (
	"strconv"
	"strings"
	"testing"
)

// RFC 9738: commands work from the highest UID down, and say where they stopped. The table is one session, in order.
func TestMessageLimit(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *Options) { o.Limits.Messages = 3 })
	for n := range 7 {
		f.Deliver(ann, "INBOX", sample(n+1))
	}
	c := f.login("CREATE box", "SELECT INBOX")
	for _, tt := range []struct{ command, untagged, reply string }{
		{"FETCH 1:3 UID", "* 1 FETCH (UID 1)|* 2 FETCH (UID 2)|* 3 FETCH (UID 3)", "OK fetched"},
		{"FETCH 1,2,4:6 UID", "* 4 FETCH (UID 4)|* 5 FETCH (UID 5)|* 6 FETCH (UID 6)", "OK [MESSAGELIMIT 3 4] "},
		{"FETCH 1,3,5,7 UID", "* 3 FETCH (UID 3)|* 5 FETCH (UID 5)|* 7 FETCH (UID 7)", "OK [MESSAGELIMIT 3 3] "},
		{"UID SEARCH ALL", "* SEARCH 5 6 7", "OK [MESSAGELIMIT 3 5] "},
		{"UID SEARCH UIDBEFORE 5", "* SEARCH 2 3 4", "OK [MESSAGELIMIT 3 2] "},
		{"UID SEARCH UIDBEFORE 2", "* SEARCH 1", "OK searched"},
		{"UID SEARCH UIDAFTER 2 UIDBEFORE 5 ALL", "* SEARCH 3 4", "OK searched"},
		{"SEARCH 1:2 SUBJECT message", "* SEARCH 1 2", "OK searched"},
		{"UID SEARCH RETURN (SAVE COUNT) ALL", "* ESEARCH *", "OK [MESSAGELIMIT 3 5] "},
		{"UID FETCH $ UID", "* 5 FETCH (UID 5)|* 6 FETCH (UID 6)|* 7 FETCH (UID 7)", "OK fetched"},
		{"SORT (SUBJECT) UTF-8 ALL", "", "NO [MESSAGELIMIT 3] "},
		{"UID SORT (REVERSE SUBJECT) UTF-8 UIDBEFORE 3", "* SORT 2 1", "OK searched"},
		{"THREAD REFERENCES UTF-8 ALL", "", "NO [MESSAGELIMIT 3] "},
		{"COPY 1:* box", "", "NO [MESSAGELIMIT 3 5] "},
		{"COPY 1:2 box", "", "OK [COPYUID "},
		{`UID STORE 1:* +FLAGS.SILENT (\Deleted)`, "", "OK [MESSAGELIMIT 3 5] "},
		{`STORE 1:4 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\Seen)`, "* OK [HIGHESTMODSEQ *|* 2 FETCH *|* 3 FETCH *|* 4 FETCH *|* NO [MESSAGELIMIT 3 2] *", "OK [MODIFIED 2:4] "},
		{`UID STORE 3:4 +FLAGS.SILENT (\Deleted)`, "* 3 FETCH *|* 4 FETCH *", "OK stored"},
		{"UID EXPUNGE 1:5", "* 5 EXPUNGE|* 4 EXPUNGE|* 3 EXPUNGE", "OK [MESSAGELIMIT 3 3] "},
		{"UID MOVE 1:* box", "* OK [COPYUID *|* 4 EXPUNGE|* 3 EXPUNGE|* 2 EXPUNGE", "OK [MESSAGELIMIT 3 2] "},
		{"UID FETCH 1:* UID", "* 1 FETCH (UID 1)", "OK fetched"},
		{"SELECT box", "* OK *|* FLAGS *|* 5 EXISTS|* 5 RECENT" + strings.Repeat("|* OK *", 6), "OK "},
		{"STATUS box (MESSAGES UNSEEN)", "* STATUS box (MESSAGES 5 UNSEEN 5)", "OK "},
		{`UID STORE 1:3 +FLAGS.SILENT (\Deleted)`, "* 1 FETCH *|* 2 FETCH *|* 3 FETCH *", "OK stored"},
		{`UID STORE 4:9 +FLAGS.SILENT (\Deleted)`, "* 4 FETCH *|* 5 FETCH *", "OK stored"},
		{"EXPUNGE", "* 5 EXPUNGE|* 4 EXPUNGE|* 3 EXPUNGE|* 2 EXPUNGE|* 1 EXPUNGE", "OK expunged"},
	} {
		untagged, reply := c.do(tt.command)
		if !strings.HasPrefix(reply, tt.reply) || !alike(untagged, tt.untagged) {
			t.Fatalf("%s: %q %s", tt.command, untagged, reply)
		}
	}
}

// alike compares lines with what is wanted of them, of which "*" at the end stands for anything.
func alike(lines []string, want string) bool {
	wanted := strings.FieldsFunc(want, func(r rune) bool { return r == '|' })
	if len(lines) != len(wanted) {
		return false
	}
	for i, w := range wanted {
		begin, open := strings.CutSuffix(w, "*")
		if lines[i] != w && !(open && strings.HasPrefix(lines[i], begin)) {
			return false
		}
	}
	return true
}

// The limits that are announced by default.
func TestLeastLimits(t *testing.T) {
	var l Limits
	l.setDefaults()
	if l.Messages < 1000 || l.Saved < 1000 || l.AppendBytes < 1000*2000 {
		t.Errorf("%+v", l)
	}
}

// What an APPEND holds in memory is bounded, however small its messages are.
func TestAppendHoldsLittle(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *Options) { o.Limits.AppendBytes = 20_000 })
	c := f.login()
	line := "Subject: x" + strings.Repeat("y", 3000) + "\r\n\r\n"
	one := " {" + strconv.Itoa(len(line)) + "+}\r\n" + line
	c.ok("APPEND INBOX" + strings.Repeat(one, 2))
	if _, reply := c.do("APPEND INBOX" + strings.Repeat(one, 20)); !strings.HasPrefix(reply, "NO [LIMIT] ") {
		t.Error(reply)
	}
	if got := c.ok("STATUS INBOX (MESSAGES)"); got[0] != "* STATUS INBOX (MESSAGES 2)" {
		t.Errorf("%q", got)
	}
}
