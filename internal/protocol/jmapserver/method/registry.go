package method

import "context"

// Method is one that clients can call.
type Method struct {
	Capability string // which must be in "using"
	Needs      Scope
	Run        Func
}

// Registry are the methods and capabilities of a server. It is filled before the first request and not changed afterwards.
type Registry struct {
	methods      map[string]Method
	capabilities map[string]Capability
}

// AccountCapability is a capability of an account as a user sees it, of "accountCapabilities" (RFC 8620 2): a struct or map,
// nil where the account lacks it.
type AccountCapability func(ctx context.Context, u *User, a Access) any

// Capability is what a server can do.
type Capability struct {
	Session any               // of "capabilities": the same for all; a Placed, where it has URLs
	Account AccountCapability // nil: no account has it
}

// Placed is what a capability says that names places of this server, whose URLs begin with base ("https://mail.example.org").
type Placed interface{ At(base string) any }

// NewRegistry makes an empty one.
func NewRegistry() *Registry {
	return &Registry{methods: map[string]Method{}, capabilities: map[string]Capability{}}
}

// Capability registers a capability by its URI. One is registered once.
func (r *Registry) Capability(uri string, session any, account AccountCapability) {
	if r.has(uri) {
		panic("capability " + uri + " is registered twice")
	}
	r.capabilities[uri] = Capability{session, account}
}

// Capabilities are those of the server by their URIs.
func (r *Registry) Capabilities() map[string]Capability { return r.capabilities }

func (r *Registry) has(capability string) bool {
	_, ok := r.capabilities[capability]
	return ok
}

// Add registers a method. A name is registered once.
func (r *Registry) Add(name string, m Method) {
	if _, taken := r.methods[name]; taken {
		panic("method " + name + " is registered twice")
	}
	r.methods[name] = m
}
