package method

// Method is one that clients can call.
type Method struct {
	Capability string // which must be in "using"
	Needs      Scope
	Run        Func
}

// Registry are the methods of a server by name. It is filled before the first request and not changed afterwards.
type Registry struct{ methods map[string]Method }

// NewRegistry makes an empty one.
func NewRegistry() *Registry { return &Registry{methods: map[string]Method{}} }

// Add registers a method. A name is registered once.
func (r *Registry) Add(name string, m Method) {
	if _, taken := r.methods[name]; taken {
		panic("method " + name + " is registered twice")
	}
	r.methods[name] = m
}
