package jmap

import (
	"bytes"
	"encoding/json"
	"time"
)

// Mailbox (RFC 8621 2).
type Mailbox struct {
	ID            ID              `json:"id"`
	Name          string          `json:"name"`
	ParentID      *ID             `json:"parentId"`
	Role          *string         `json:"role"`
	SortOrder     int             `json:"sortOrder"`
	TotalEmails   int             `json:"totalEmails"`
	UnreadEmails  int             `json:"unreadEmails"`
	TotalThreads  int             `json:"totalThreads"`
	UnreadThreads int             `json:"unreadThreads"`
	MyRights      map[string]bool `json:"myRights"`
	IsSubscribed  bool            `json:"isSubscribed"`
}

// Thread (RFC 8621 3).
type Thread struct {
	ID       ID   `json:"id"`
	EmailIDs []ID `json:"emailIds"`
}

// Address (RFC 8621 4.1.2.3).
type Address struct {
	Name  *string `json:"name,omitempty"`
	Email string  `json:"email"`
}

// Group are addresses with a name (RFC 8621 4.1.2.4).
type Group struct {
	Name      *string   `json:"name"`
	Addresses []Address `json:"addresses"`
}

// Header is one field as it stands in a message (RFC 8621 4.1.3).
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Email (RFC 8621 4.1). Only the properties that were asked for are filled; those named "header:..." are in Forms.
type Email struct {
	ID            ID                   `json:"id"`
	BlobID        ID                   `json:"blobId"`
	ThreadID      ID                   `json:"threadId"`
	MailboxIDs    map[ID]bool          `json:"mailboxIds"`
	Keywords      map[string]bool      `json:"keywords"`
	Size          int64                `json:"size"`
	ReceivedAt    time.Time            `json:"receivedAt"`
	MessageID     []string             `json:"messageId"`
	InReplyTo     []string             `json:"inReplyTo"`
	References    []string             `json:"references"`
	Sender        []Address            `json:"sender"`
	From          []Address            `json:"from"`
	To            []Address            `json:"to"`
	CC            []Address            `json:"cc"`
	BCC           []Address            `json:"bcc"`
	ReplyTo       []Address            `json:"replyTo"`
	Subject       *string              `json:"subject"`
	SentAt        *time.Time           `json:"sentAt"`
	Headers       []Header             `json:"headers"`
	BodyStructure *BodyPart            `json:"bodyStructure"`
	BodyValues    map[string]BodyValue `json:"bodyValues"`
	TextBody      []BodyPart           `json:"textBody"`
	HTMLBody      []BodyPart           `json:"htmlBody"`
	Attachments   []BodyPart           `json:"attachments"`
	HasAttachment bool                 `json:"hasAttachment"`
	Preview       string               `json:"preview"`

	Forms map[string]json.RawMessage `json:"-"` // "header:..." properties
}

// UnmarshalJSON reads the fixed properties, and those whose names the request chose.
func (e *Email) UnmarshalJSON(b []byte) error {
	type fixed Email
	if err := unmarshal(b, (*fixed)(e)); err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(`"header:`)) {
		return nil
	}
	var all map[string]json.RawMessage
	if err := unmarshal(b, &all); err != nil {
		return err
	}
	for name, value := range all {
		if len(name) > 7 && name[:7] == "header:" {
			if e.Forms == nil {
				e.Forms = map[string]json.RawMessage{}
			}
			e.Forms[name] = value
		}
	}
	return nil
}

// BodyPart is a part of a message (RFC 8621 4.1.4).
type BodyPart struct {
	PartID      *string    `json:"partId"`
	BlobID      *ID        `json:"blobId"`
	Size        int64      `json:"size"`
	Headers     []Header   `json:"headers"`
	Name        *string    `json:"name"`
	Type        string     `json:"type"`
	Charset     *string    `json:"charset"`
	Disposition *string    `json:"disposition"`
	CID         *string    `json:"cid"`
	Language    []string   `json:"language"`
	Location    *string    `json:"location"`
	SubParts    []BodyPart `json:"subParts"`
}

// BodyValue is the text of a part.
type BodyValue struct {
	Value             string `json:"value"`
	IsEncodingProblem bool   `json:"isEncodingProblem,omitempty"`
	IsTruncated       bool   `json:"isTruncated,omitempty"`
}

// EmailFilter is a condition of Email/query (RFC 8621 4.4.1). Empty fields ask nothing.
type EmailFilter struct {
	InMailbox               ID         `json:"inMailbox,omitempty"`
	InMailboxOtherThan      []ID       `json:"inMailboxOtherThan,omitempty"`
	Before                  *time.Time `json:"before,omitempty"`
	After                   *time.Time `json:"after,omitempty"`
	MinSize                 int64      `json:"minSize,omitempty"`
	MaxSize                 int64      `json:"maxSize,omitempty"`
	AllInThreadHaveKeyword  string     `json:"allInThreadHaveKeyword,omitempty"`
	SomeInThreadHaveKeyword string     `json:"someInThreadHaveKeyword,omitempty"`
	NoneInThreadHaveKeyword string     `json:"noneInThreadHaveKeyword,omitempty"`
	HasKeyword              string     `json:"hasKeyword,omitempty"`
	NotKeyword              string     `json:"notKeyword,omitempty"`
	HasAttachment           *bool      `json:"hasAttachment,omitempty"`
	Text                    string     `json:"text,omitempty"`
	From                    string     `json:"from,omitempty"`
	To                      string     `json:"to,omitempty"`
	CC                      string     `json:"cc,omitempty"`
	BCC                     string     `json:"bcc,omitempty"`
	Subject                 string     `json:"subject,omitempty"`
	Body                    string     `json:"body,omitempty"`
	Header                  []string   `json:"header,omitempty"`
}

// EmailGet are the arguments of Email/get beyond those of every /get (RFC 8621 4.2).
type EmailGet struct {
	Get
	BodyProperties      []string `json:"bodyProperties,omitempty"`
	FetchTextBodyValues bool     `json:"fetchTextBodyValues,omitempty"`
	FetchHTMLBodyValues bool     `json:"fetchHTMLBodyValues,omitempty"`
	FetchAllBodyValues  bool     `json:"fetchAllBodyValues,omitempty"`
	MaxBodyValueBytes   int      `json:"maxBodyValueBytes,omitempty"`
}

// EmailImport is one message of Email/import (RFC 8621 4.8).
type EmailImport struct {
	BlobID     ID              `json:"blobId"`
	MailboxIDs map[ID]bool     `json:"mailboxIds"`
	Keywords   map[string]bool `json:"keywords,omitempty"`
	ReceivedAt *time.Time      `json:"receivedAt,omitempty"`
}

// SearchSnippet (RFC 8621 5).
type SearchSnippet struct {
	EmailID ID      `json:"emailId"`
	Subject *string `json:"subject"`
	Preview *string `json:"preview"`
}
