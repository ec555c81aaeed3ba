package mailbox

import "github.com/mailmesh/mailmesh/internal/rfc/message"

// Summarized returns a Message with what reading its content found. Blob, flags and date are the caller's to set.
func Summarized(s *message.Summary) (Message, error) {
	binary, err := s.AppendBinary(nil)
	if err != nil {
		return Message{}, err
	}
	return Message{Size: s.Size, Summary: binary, BaseSubject: s.BaseSubject, MessageIDs: threadIDs(&s.Info),
		Sent: s.SentDate, HasAttachment: s.HasAttachment}, nil
}

// threadIDs are the ids that choose a message's thread, in the order that Message wants.
func threadIDs(i *message.Info) (ids []string) {
	if i.MessageID != "" {
		ids = append(ids, i.MessageID)
	}
	return append(append(ids, i.InReplyTo...), i.References...)
}
