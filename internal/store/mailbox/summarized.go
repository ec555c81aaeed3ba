package mailbox

import "github.com/mailmesh/mailmesh/internal/rfc/message"

// Summarized returns a Message with what reading its content found. Blob, flags and date are the caller's to set.
func Summarized(s *message.Summary) (Message, error) {
	binary, err := s.AppendBinary(nil)
	if err != nil {
		return Message{}, err
	}
	m := Message{Size: s.Size, Summary: binary, BaseSubject: s.BaseSubject}
	if s.MessageID != "" {
		m.MessageIDs = append(m.MessageIDs, s.MessageID)
	}
	m.MessageIDs = append(append(m.MessageIDs, s.InReplyTo...), s.References...)
	return m, nil
}
