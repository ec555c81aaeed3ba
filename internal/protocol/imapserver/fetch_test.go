package imapserver

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Header fields that lists show come from rows, like the envelope: the store of bodies may be away.
func TestListsOpenNoBodies(t *testing.T) {
	f := serve(t)
	long := "Subject: long\r\nTo: " + strings.Repeat("someone@example.org,\r\n ", 300) + "ann@example.org\r\n\r\nbody\r\n"
	f.Deliver(ann, "INBOX", sample(1), sample(2), long)
	c := f.login("SELECT INBOX")
	const fields = "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM X-NOT-THERE)]"
	before := c.ok("FETCH 1:2 " + fields)
	f.Blobs.Fail = func(operation string) error { return errors.New("away") }
	after := c.ok("FETCH 1:2 (ENVELOPE BODYSTRUCTURE " + fields + ")")
	if len(before) != 2 || len(after) != 2 || !strings.Contains(after[0], strings.TrimPrefix(strings.TrimSuffix(before[0], ")"), "* 1 FETCH (")) {
		t.Errorf("%q\nhas not what %q has", after, before)
	}
	for _, needsContent := range []string{"FETCH 1 BODY.PEEK[HEADER]", "FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]", "FETCH 3 " + fields} {
		if _, reply := c.do(needsContent); strings.Contains(reply, " OK") {
			t.Errorf("%s: %s, though the content is needed", needsContent, reply)
		}
	}
	f.Blobs.Fail = nil
	if got := c.ok("FETCH 3 BODY.PEEK[HEADER.FIELDS (SUBJECT)]<3.6>"); len(got) != 1 || !strings.Contains(got[0], "ject: ") {
		t.Errorf("%q", got)
	}
	if got := c.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]<3.6>"); len(got) != 1 || !strings.Contains(got[0], "ject: ") {
		t.Errorf("%q", got)
	}
}

// Batches are read ahead, into memory that earlier ones have used: each answer is about its own message, whatever the size of
// what is kept of it.
func TestFetchOfManyBatches(t *testing.T) {
	t.Parallel()
	f := serve(t)
	const messages = 5*batchSize + 7
	var batch []string
	for n := 1; n <= messages; n++ {
		batch = append(batch, strings.Repeat(fmt.Sprintf("Cc: other%d@example.org\r\n", n), n%40)+sample(n))
		if len(batch) == 100 || n == messages {
			f.Deliver(ann, "INBOX", batch...)
			batch = batch[:0]
		}
	}
	c := f.login("SELECT INBOX")
	for items, want := range map[string]string{
		"BODY.PEEK[HEADER.FIELDS (SUBJECT MESSAGE-ID)]": "Subject: message %[1]d\r\nMessage-ID: <%[1]d@example.net>\r\n\r\n)",
		"(ENVELOPE BODYSTRUCTURE)":                      `"message %[1]d" ((`,
		"BODY.PEEK[]":                                   "This is the text of message %d.\r\n)",
	} {
		got := c.ok("FETCH 1:* " + items)
		if len(got) != messages {
			t.Fatalf("FETCH 1:* %s: %d answers, want %d", items, len(got), messages)
		}
		for i, line := range got {
			if n := i + 1; !strings.HasPrefix(line, fmt.Sprintf("* %d FETCH (", n)) || !strings.Contains(line, fmt.Sprintf(want, n)) {
				t.Fatalf("FETCH 1:* %s: answer %d is %q", items, n, line)
			}
		}
	}
}
