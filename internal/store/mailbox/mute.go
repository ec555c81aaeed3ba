package mailbox

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// KeywordMuted mutes the thread of the email that has it: mail that comes to the thread from then on gets the keyword too. Taking
// it from any email of the thread ends that.
const KeywordMuted = "$muted"

// mutes are the threads that a commit mutes, or no longer does.
type mutes map[mail.ThreadID]bool

// note compares the keywords of an email before and after.
func (m *mutes) note(thread mail.ThreadID, from, to string) {
	if from == to {
		return
	}
	was, is := muted(from), muted(to)
	if was == is {
		return
	}
	if *m == nil {
		*m = make(mutes)
	}
	(*m)[thread] = is
}

func muted(keywords string) bool {
	for k := range strings.FieldsSeq(keywords) {
		if strings.EqualFold(k, KeywordMuted) {
			return true
		}
	}
	return false
}

func (m mutes) write(t *tx.Tx, account mail.AccountID) {
	for thread, on := range m {
		if on {
			t.SQL().Queue(`INSERT INTO muted_thread (account_id, thread_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, account, thread)
		} else {
			t.SQL().Queue(`DELETE FROM muted_thread WHERE account_id = $1 AND thread_id = $2`, account, thread)
		}
	}
}

// muteWith gives a message the keyword where its thread is muted.
func (m *Message) muteWith(muted bool) {
	if muted && len(m.Flags.Keywords) < mail.MaxKeywords {
		m.Flags = m.Flags.Add(mail.Flags{Keywords: []string{KeywordMuted}})
	}
}
