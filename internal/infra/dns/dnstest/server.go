package dnstest

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	wire "github.com/miekg/dns"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
)

// Fault is what goes wrong with the questions for a name.
type Fault int

const (
	None     Fault = iota
	Silence        // no answer at all
	ServFail       // the server says that it failed
	Refuse         // the server says that it will not
	WrongID        // the answer is to something else
	Noise          // the answer is no DNS
	Cut            // the answer is cut off, by TCP too
	Bogus          // the signatures of the name are wrong
)

// Server serves until its test ends.
type Server struct {
	t         testing.TB
	addr      netip.AddrPort
	Recursive bool // set before the first question

	mu     sync.Mutex
	zones  map[string]*zone // by origin
	faults map[string]Fault
	asked  map[string]int
	gate   *sync.Cond // Hold
	held   bool

	keys keyring // of dynamic updates
}

// Start serves UDP and TCP on an address such as "127.0.0.1:0".
func Start(t testing.TB, address string) *Server {
	t.Helper()
	s := &Server{t: t, zones: map[string]*zone{}, faults: map[string]Fault{}, asked: map[string]int{},
		keys: keyring{secrets: map[string][]byte{}}}
	s.gate = sync.NewCond(&s.mu)
	packets, streams, err := listen(address)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = streams.Addr().(*net.TCPAddr).AddrPort()
	accept := func(wire.Header) wire.MsgAcceptAction { return wire.MsgAccept }
	for _, server := range []*wire.Server{{PacketConn: packets}, {Listener: streams}} {
		server.Handler, server.MsgAcceptFunc, server.TsigProvider = s, accept, &s.keys
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		ended := make(chan error, 1)
		go func() { ended <- server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			s.Hold(false)
			// Those whom Silence keeps waiting are not waited for.
			now, cancel := context.WithCancel(context.Background())
			cancel()
			server.ShutdownContext(now)
			<-ended
		})
	}
	return s
}

// listen opens the same port for UDP and TCP: one that is free for TCP may not be for UDP.
func listen(address string) (packets net.PacketConn, streams net.Listener, err error) {
	for range 10 {
		if streams, err = net.Listen("tcp", address); err != nil {
			return nil, nil, err
		}
		if packets, err = net.ListenPacket("udp", streams.Addr().String()); err == nil {
			return packets, streams, nil
		}
		streams.Close()
	}
	return nil, nil, err
}

// Addr is where it serves.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Resolver makes a Resolver that asks this server alone.
func (s *Server) Resolver() *dns.Resolver {
	return dns.New(dns.Options{Servers: []netip.AddrPort{s.addr}})
}

// Fault makes the questions for a name go wrong, or right again with None. The name "" is all names.
func (s *Server) Fault(name string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[absolute(name)] = f
}

// Hold keeps all answers back until it is called with false.
func (s *Server) Hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.gate.Broadcast()
}

// Asked is how often a record was asked for.
func (s *Server) Asked(name, kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[kind+" "+absolute(name)]
}

// absolute is a name in the form of the library.
func absolute(name string) string { return wire.CanonicalName(name) }

// ServeDNS is for the library: it answers one message.
func (s *Server) ServeDNS(w wire.ResponseWriter, query *wire.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.held {
		s.gate.Wait()
	}
	if len(query.Question) != 1 {
		w.WriteMsg(new(wire.Msg).SetRcode(query, wire.RcodeFormatError))
		return
	}
	if query.Opcode == wire.OpcodeUpdate {
		w.WriteMsg(s.update(query, w.TsigStatus()))
		return
	}
	q := query.Question[0]
	name := absolute(q.Name)
	s.asked[wire.TypeToString[q.Qtype]+" "+name]++
	fault := s.faults[name]
	if fault == None {
		fault = s.faults["."]
	}
	_, overTCP := w.RemoteAddr().(*net.TCPAddr)
	s.write(w, query, s.answer(query, fault), fault, overTCP)
}

// write sends an answer, spoilt as the fault says.
func (s *Server) write(w wire.ResponseWriter, query, reply *wire.Msg, fault Fault, overTCP bool) {
	switch fault {
	case Silence:
		return
	case ServFail:
		reply = new(wire.Msg).SetRcode(query, wire.RcodeServerFailure)
	case Refuse:
		reply = new(wire.Msg).SetRcode(query, wire.RcodeRefused)
	case WrongID:
		reply.Id++
	case Noise:
		w.Write([]byte("this is no packet of the domain name system"))
		return
	case Cut:
		reply.Truncated = true
	}
	reply.Compress = true
	if !overTCP {
		size := wire.MinMsgSize
		if opt := query.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
		reply.Truncate(size)
		reply.Truncated = reply.Truncated || fault == Cut
	}
	if err := w.WriteMsg(reply); err != nil && overTCP {
		s.t.Logf("dnstest: %v", err)
	}
}
