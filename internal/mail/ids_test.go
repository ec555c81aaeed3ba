package mail

import (
	"math"
	"testing"
)

func TestParseIDs(t *testing.T) {
	for _, n := range []int64{1, 35, 36, 1<<48 + 5, math.MaxInt64} {
		if id, err := ParseMailboxID(MailboxID(n).String()); err != nil || id != MailboxID(n) {
			t.Errorf("mailbox %d: %v %v", n, id, err)
		}
		if id, err := ParseEmailID(EmailID(n).String()); err != nil || id != EmailID(n) {
			t.Errorf("email %d: %v %v", n, id, err)
		}
		if id, err := ParseThreadID(ThreadID(n).String()); err != nil || id != ThreadID(n) {
			t.Errorf("thread %d: %v %v", n, id, err)
		}
		if id, err := ParseAccountID(AccountID(n).String()); err != nil || id != AccountID(n) {
			t.Errorf("account %d: %v %v", n, id, err)
		}
		if id, err := ParseSubmissionID(SubmissionID(n).String()); err != nil || id != SubmissionID(n) {
			t.Errorf("submission %d: %v %v", n, id, err)
		}
	}
	for _, text := range []string{"", "M", "M0", "M-1", "M+1", "M01", "MA", "m1", "F1", "1", " M1", "M1 ", "M1y2p0ij32e8e8", "M\x00"} {
		if id, err := ParseEmailID(text); err == nil || id != 0 || KindOf(err) != Invalid {
			t.Errorf("%q is taken: %v %v", text, id, err)
		}
	}
}
