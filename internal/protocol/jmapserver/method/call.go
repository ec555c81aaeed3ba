package method

import (
	"context"
	"net/netip"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Func carries out one call. What it returns becomes the arguments of the response.
type Func func(ctx context.Context, c *Call) (response any, err error)

// User is who makes a request.
type User struct {
	Account mail.AccountID
	Login   string // the name of the sign-in: the account's address
	Scope   Scope
	Remote  netip.Addr
	Session string // for the log
	// Credential names what the user has signed in with, for what is to end with it: "password", "app 12", "session 34".
	Credential string
	// InPerson: it is the user of the account, by its password, and no program that has been let in or has an app password.
	InPerson bool
	// ByCookie: a browser has signed in, by what it adds to requests itself. What it is given it may show, or run.
	ByCookie bool
	// Stands is mail.Denied or mail.Disabled once the sign-in has ended: asked for connections that stay. nil: it never does.
	Stands func(ctx context.Context) error
}

// Scope is what a user's credential allows. A password allows all.
type Scope uint8

const (
	Read  Scope = 1 << iota // every method that changes nothing
	Write                   // mail, mailboxes and settings may be changed
	Send                    // mail may be sent in the account's name
	All   = Read | Write | Send
)

// Access is an account as a user sees it.
type Access struct {
	Owner mail.AccountID // whose objects they are
	Who   mail.AccountID // who asks
}

// Own reports that the account is the user's, who may do anything there. Otherwise each mailbox has its rights (RFC 4314).
func (a Access) Own() bool { return a.Owner == a.Who }

// Call is one method call of a request (RFC 8620 3.2).
type Call struct {
	Name string
	ID   string
	Args ijson.Value // an object, its references resolved
	User *User

	batch *batch
}

// Decode reads the arguments into a struct. The error is invalidArguments and says where and what is wrong; an argument
// that the struct has no field for is wrong too.
func (c *Call) Decode(into any) error {
	if err := ijson.Strict(c.Args, into); err != nil {
		return Fail(InvalidArguments, "%s", whatIsWrong(err))
	}
	return nil
}

// Uses reports that the request names a capability in "using".
func (c *Call) Uses(capability string) bool { return c.batch.using[capability] }

// Account finds the account that an id names, if the user may see anything there: else the error is accountNotFound.
func (c *Call) Account(ctx context.Context, id string) (Access, error) {
	return c.batch.account(ctx, c.User, id)
}

// OwnAccount is Account for methods that only the owner may call.
func (c *Call) OwnAccount(ctx context.Context, id string) (mail.AccountID, error) {
	a, err := c.Account(ctx, id)
	if err == nil && !a.Own() {
		err = Fail(AccountNotSupportedByMethod, "only the owner of an account may call %s", c.Name)
	}
	return a.Owner, err
}

// Created notes the id of a new object, so that later calls of the request may name it "#creationID" (RFC 8620 5.3).
func (c *Call) Created(creationID, id string) { c.batch.created[creationID] = id }

// Resolve gives the id that "#creationID" stands for; any other id is itself. ok is false for a creation id that is not known.
func (c *Call) Resolve(id string) (string, bool) {
	creation, is := strings.CutPrefix(id, "#")
	if !is {
		return id, true
	}
	id, ok := c.batch.created[creation]
	return id, ok
}

// Follow makes another call right after this one, whose response bears the same id (RFC 8621 7.5: onSuccessUpdateEmail).
func (c *Call) Follow(name string, args any) {
	c.batch.follow = append(c.batch.follow, following{name, args})
}
