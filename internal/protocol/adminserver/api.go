package adminserver

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Domain is a domain this server takes mail for.
type Domain struct {
	Name     string    `json:"name"`
	CatchAll string    `json:"catchAll"` // address that gets mail for unknown users, "" for none
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
}

// NewDomain asks for a domain.
type NewDomain struct {
	Name string `json:"name"`
}

// DomainChange says what is to be different about a domain; what is left out stays.
type DomainChange struct {
	CatchAll *string `json:"catchAll,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
}

// Account is somebody's mail.
type Account struct {
	ID             string    `json:"id"`
	Address        string    `json:"address"`
	Name           string    `json:"name"`
	Disabled       bool      `json:"disabled"` // itself or its domain
	Admin          bool      `json:"admin"`    // may see and set the quotas of others, over IMAP
	Shared         bool      `json:"shared"`   // its mailboxes are for many: shown to others as shared folders
	Created        time.Time `json:"created"`
	QuotaBytes     int64     `json:"quotaBytes"` // 0: no limit
	QuotaMessages  int64     `json:"quotaMessages"`
	QuotaMailboxes int64     `json:"quotaMailboxes"`
	UsedBytes      int64     `json:"usedBytes"`
	UsedMessages   int64     `json:"usedMessages"`

	MaxRecipients int64 `json:"maxRecipients"` // to whom it may write in a day; 0: as the server has it, -1: no limit
	MaxStrangers  int64 `json:"maxStrangers"`  // of them such as it never wrote to before
	SentCopy      bool  `json:"sentCopy"`      // what it submits is put into its mailbox Sent
	UndoSeconds   int64 `json:"undoSeconds"`   // for how long it is held, and can be taken back
}

// NewAccount asks for an account.
type NewAccount struct {
	Address        string `json:"address"`
	Name           string `json:"name,omitempty"`
	Password       string `json:"password,omitempty"` // "": none yet
	QuotaBytes     int64  `json:"quotaBytes,omitempty"`
	QuotaMessages  int64  `json:"quotaMessages,omitempty"`
	QuotaMailboxes int64  `json:"quotaMailboxes,omitempty"`
}

// AccountChange says what is to be different about an account; what is left out stays.
type AccountChange struct {
	Name           *string `json:"name,omitempty"`
	Disabled       *bool   `json:"disabled,omitempty"`
	Admin          *bool   `json:"admin,omitempty"`
	Shared         *bool   `json:"shared,omitempty"`
	QuotaBytes     *int64  `json:"quotaBytes,omitempty"`
	QuotaMessages  *int64  `json:"quotaMessages,omitempty"`
	QuotaMailboxes *int64  `json:"quotaMailboxes,omitempty"`
	MaxRecipients  *int64  `json:"maxRecipients,omitempty"`
	MaxStrangers   *int64  `json:"maxStrangers,omitempty"`
	SentCopy       *bool   `json:"sentCopy,omitempty"`
	UndoSeconds    *int64  `json:"undoSeconds,omitempty"`
}

// NewPassword is an account's password from now on.
type NewPassword struct {
	Password string `json:"password"`
}

// AppPassword is a password for one program or device.
type AppPassword struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"lastUsed"` // to the hour, null for never
	// Password is there once: in the answer that made it.
	Password string `json:"password,omitempty"`
}

// NewAppPassword asks for an app password.
type NewAppPassword struct {
	Name string `json:"name"`
}

// Session is a program that an account has let in on the sign-in page.
type Session struct {
	ID       string    `json:"id"`
	Client   string    `json:"client"`
	Name     string    `json:"name"`     // what the program calls itself
	Redirect string    `json:"redirect"` // where it was sent its code
	Scope    []string  `json:"scope"`    // read, write, send
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"lastUsed"` // to the hour
	Expires  time.Time `json:"expires"`
}

// Alias is one target of an alias.
type Alias struct {
	Address string    `json:"address"`
	Target  string    `json:"target"`
	Created time.Time `json:"created"`
}

// NewAlias lets mail for an address also go to target.
type NewAlias struct {
	Address string `json:"address"`
	Target  string `json:"target"`
}

// Page is a part of a list. Next, when it is not "", is the parameter `after` of the next part.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Error is the answer to a request that was not done.
type Error struct {
	Error string    `json:"error"`
	Kind  mail.Kind `json:"kind"`
}
