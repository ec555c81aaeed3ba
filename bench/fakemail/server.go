package fakemail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"sync"
	"time"
)

// Fate is what becomes of a mail whose content has arrived.
type Fate int

const (
	Keep          Fate = iota // stored and answered 250, as it should be
	Lose                      // answered 250 and forgotten
	Duplicate                 // stored twice
	Alter                     // stored with a byte changed
	Truncate                  // stored without its last line
	Garbage                   // stored behind a line that is no header field
	Refuse                    // answered 451 and not stored
	RefuseAndKeep             // answered 451 although stored
	HangUp                    // stored, then the connection closes without a reply
	HangUpTwice               // stored twice, then closed without a reply
	HangUpAndLose             // closed without a reply and not stored
	KeepFirstOnly             // stored for the first recipient only, then closed without a reply
)

// Faults are the ways to misbehave. Accept is called with the number of the mail,
// from 1; the rest distort what IMAP answers. It must not change while in use.
type Faults struct {
	Accept       func(n int) Fate
	Exists       int  // added to the EXISTS number of SELECT
	Messages     int  // added to STATUS MESSAGES
	Unseen       int  // added to STATUS UNSEEN
	UIDNext      int  // added to UIDNEXT
	Size         int  // added to RFC822.SIZE
	SkipFetch    bool // leaves the last message out of every FETCH
	RepeatFetch  bool // answers the last message of every FETCH twice
	NoEnvelope   bool // answers without the ENVELOPE
	AlterBody    bool // answers bodies with a byte changed
	SkipSearch   bool // leaves the last match out of every SEARCH
	IgnoreStore  bool // answers STORE with the flags as they were
	SkipStore    bool // leaves the last message out of STORE's answers
	LoseAppends  bool // accepts APPEND without storing
	ExtraExists  bool // announces one message too many in IDLE and NOOP
	Expunges     bool // announces an EXPUNGE in every NOOP
	RefuseCreate bool
}

// Options of a Server.
type Options struct {
	Faults Faults
	// Capabilities of IMAP; empty is everything the fake knows.
	Capabilities string
	// Extensions of SMTP, one a word; empty is everything the fake knows.
	Extensions string
	// Passwords by address; nil lets anyone in, and any recipient exist.
	Passwords map[string]string
}

// Server listens on loopback ports of its own.
type Server struct {
	SMTP, LMTP, IMAP, IMAPS string

	opts      Options
	tls       *tls.Config
	mu        sync.Mutex
	boxes     map[string]*Mailbox
	accounts  map[string]string
	mails     int
	listeners []net.Listener
	conns     map[net.Conn]bool
	closed    bool
	wg        sync.WaitGroup
}

// Start begins to listen.
func Start(opts Options) (*Server, error) {
	s := &Server{opts: opts, boxes: map[string]*Mailbox{}, conns: map[net.Conn]bool{}, accounts: opts.Passwords}
	cert, err := selfSigned()
	if err != nil {
		return nil, err
	}
	s.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
	doors := []struct {
		addr *string
		tls  bool
		door func(net.Conn)
	}{
		{&s.SMTP, false, func(c net.Conn) { s.serveSMTP(c, false) }},
		{&s.LMTP, false, func(c net.Conn) { s.serveSMTP(c, true) }},
		{&s.IMAP, false, s.serveIMAP},
		{&s.IMAPS, true, s.serveIMAP},
	}
	for _, d := range doors {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Close()
			return nil, err
		}
		*d.addr = l.Addr().String()
		if d.tls {
			l = tls.NewListener(l, s.tls)
		}
		s.listeners = append(s.listeners, l)
		s.wg.Add(1)
		go s.accept(l, d.door)
	}
	return s, nil
}

func (s *Server) accept(l net.Listener, door func(net.Conn)) {
	defer s.wg.Done()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if !s.register(c) {
			c.Close()
			return
		}
		go func() {
			defer s.wg.Done()
			defer s.forget(c)
			door(c)
		}()
	}
}

func (s *Server) register(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = true
	s.wg.Add(1)
	return true
}

func (s *Server) forget(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Close cuts every connection, as a crash would, and waits for the doors to end.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	for _, b := range s.boxes {
		b.bell.Broadcast()
	}
	s.mu.Unlock()
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	s.wg.Wait()
	return errors.Join(errs...)
}

// SetFaults changes the faults between two steps of a test.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Faults = f
}

// AddAccount makes an account; from then on only accounts that were made exist.
func (s *Server) AddAccount(address, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts == nil {
		s.accounts = map[string]string{}
	}
	s.accounts[address] = password
}

func (s *Server) knows(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.accounts[address]
	return ok || s.accounts == nil
}

func (s *Server) signIn(address, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	want, ok := s.accounts[address]
	return s.accounts == nil || ok && want == password
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
