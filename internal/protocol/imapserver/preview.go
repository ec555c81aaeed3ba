package imapserver

import "github.com/mailmesh/mailmesh/internal/rfc/imap"

// previewExtension is PREVIEW (RFC 8970). Previews are made when messages arrive and stand in their rows, so that LAZY, which
// may be answered NIL, gets them as well.
func previewExtension() extension {
	return extension{
		capabilities: announced("PREVIEW"),
		fetchItems: map[imap.FetchKind]fetchItem{imap.FetchPreview: {
			needs: needsRow | needsInfo,
			write: func(_ *fetching, out *imap.FetchResponse, _ imap.FetchItem, m *source) { out.Preview(m.info.Preview) },
		}},
	}
}
