package outbound

// Outbound is the transport to other hosts.
type Outbound struct{ opts Options }

// New makes a transport. It opens no connection before it has mail to hand on.
func New(o Options) *Outbound { return &Outbound{opts: o} }
