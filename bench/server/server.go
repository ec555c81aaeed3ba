// Package server starts and stops the servers that a benchmark compares.
//
// A server is known by this interface only; everything else the benchmark does goes
// over standard protocols. Each server has one small file here that knows its
// command line and configuration.
package server

import "context"

// Server is one that can be started afresh with empty data.
type Server interface {
	// Name in tables.
	Name() string
	// Start returns when every door listens. The server runs until Stop.
	Start(ctx context.Context) (Endpoints, error)
	// AddAccount makes an account in a domain that is made where needed.
	AddAccount(ctx context.Context, address, password string) error
	// Stop ends the server and waits for it.
	Stop() error
}

// Endpoints are the doors, each host:port; one that the server does not have is
// empty. IMAP must let in passwords without TLS, as all traffic is local.
type Endpoints struct {
	SMTP, LMTP, IMAP, IMAPS string
	// HTTPS is where JMAP is spoken.
	HTTPS string
	// Submission takes mail for other hosts, which goes to the Sink. SignIn says that
	// it takes it from accounts only, and with TLS.
	Submission string
	SignIn     bool
	// PIDs of the server's own processes; their descendants belong to them.
	PIDs []int
}

// Rester is a server that can be asked to give back memory it holds without need,
// as it does by itself when it is left alone for some minutes.
type Rester interface {
	Rest(ctx context.Context) error
}

// Unbounder is a server that lets an account write to only so many people a day,
// and can be asked not to.
type Unbounder interface {
	Unbound(ctx context.Context, address string) error
}

// HeldSender is whose mail for others a Holder keeps, at least.
const HeldSender = "held01@bench.example"

// Holder is a server that can be asked to keep mail for others, and to let it go.
type Holder interface {
	Hold(ctx context.Context) error
	Release(ctx context.Context) error
}
