package imap

import "time"

// FetchSaveDate is when a message came into its mailbox (RFC 8514 4.2).
const FetchSaveDate FetchKind = "SAVEDATE"

type (
	// SearchSaved compares the day on which a message came into its mailbox (RFC 8514 4.3).
	SearchSaved struct {
		Op  DateOp
		Day time.Time // as of ParseDate
	}

	// SearchSaveDateSupported matches all messages of a mailbox that keeps save dates (RFC 8514 4.3).
	SearchSaveDateSupported struct{}
)

func saveDateSyntax() extension {
	key := func(op DateOp) func(*parser) SearchKey {
		return func(p *parser) SearchKey { return SearchSaved{op, p.date()} }
	}
	return extension{
		fetchItems: map[string]func(*parser) FetchItem{"SAVEDATE": plainItem(FetchItem{Kind: FetchSaveDate})},
		searchKeys: map[string]func(*parser) SearchKey{
			"SAVEDBEFORE": key(Before), "SAVEDON": key(On), "SAVEDSINCE": key(Since),
			"SAVEDATESUPPORTED": func(*parser) SearchKey { return SearchSaveDateSupported{} },
		},
	}
}

func (s SearchSaved) appendTo(b []byte) []byte {
	b = append(append(append(b, "SAVED"...), s.Op...), ' ')
	return AppendDate(b, s.Day)
}

func (SearchSaveDateSupported) appendTo(b []byte) []byte { return append(b, "SAVEDATESUPPORTED"...) }

// SaveDate is of RFC 8514 4.2.
func (f *FetchResponse) SaveDate(t time.Time) {
	f.name(`SAVEDATE "`)
	f.e.buf = append(AppendDateTime(f.e.buf, t), '"')
}
