package imapserver

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func saveDateExtension() extension {
	return extension{
		capabilities: announced("SAVEDATE"),
		fetchItems:   map[imap.FetchKind]fetchItem{imap.FetchSaveDate: {needs: needsRow | needsSaved, write: writeSaveDate}},
		searchKeys:   []searchKey{searchSaved},
	}
}

func writeSaveDate(_ *fetching, out *imap.FetchResponse, _ imap.FetchItem, m *source) {
	out.SaveDate(m.saved)
}

func searchSaved(_ *session, key imap.SearchKey) search.Key {
	switch k := key.(type) {
	case imap.SearchSaved:
		return search.SavedDate{Op: searchDays[k.Op], Day: k.Day}
	case imap.SearchSaveDateSupported: // each membership has one
		return search.All{}
	}
	return nil
}

// saveDates reads when messages came into the selected mailbox.
func (s *session) saveDates(batch []position) (saved map[mail.UID]int64, err error) {
	var uids imap.Set
	for _, p := range batch {
		uids.Add(uint32(p.entry.UID))
	}
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		saved, err = s.o.Mailbox.SaveDates(t, s.selected.owner, s.selected.id, uids)
		return err
	})
	return saved, err
}

func saveDate(unixMilli int64) time.Time { return time.UnixMilli(unixMilli).UTC() }
