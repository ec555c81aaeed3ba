package search

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// SentDate is the moment by which messages are sorted and threaded: that of the Date field, or of arrival where there is none that
// can be read (RFC 5256 2.2).
func SentDate(info *message.Info, f *Facts) time.Time {
	if info.SentDate.IsZero() {
		return f.Received
	}
	return info.SentDate
}
