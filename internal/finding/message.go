package finding

import (
	"io"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	rfcmessage "github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// message is one that a query looks at; it reads only what it is asked for.
type message struct {
	*looking
	facts   search.Facts
	row     *mailbox.Email
	summary *rfcmessage.Summary
	content blob.Reader
}

var _ search.Message = (*message)(nil)

func (m *message) Facts() search.Facts            { return m.facts }
func (m *message) Thread() (mail.ThreadID, error) { return m.row.Thread, nil }

func (m *message) Summary() (*rfcmessage.Summary, error) {
	if m.summary != nil {
		return m.summary, nil
	}
	m.summary = new(rfcmessage.Summary)
	return m.summary, m.summary.UnmarshalBinary(m.row.Summary)
}

func (m *message) Content() (io.ReaderAt, error) {
	if m.content == nil {
		content, err := m.o.Bodies.Open(m.ctx, m.Owner, m.row.Blob)
		if err != nil {
			return nil, err
		}
		m.content = content
	}
	return metered{m.content, m.Effort}, nil
}

func (m *message) close() {
	if m.content != nil {
		m.content.Close() // reading is over: there is nothing an error could spoil
	}
}
