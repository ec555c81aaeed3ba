package smtpserver

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// handlers are the commands we know. Each answers exactly once, but for DATA and BDAT.
var handlers = map[string]func(s *session, args string){
	"EHLO": (*session).ehlo, "LHLO": (*session).lhlo, "HELO": (*session).helo,
	"MAIL": (*session).mail, "RCPT": (*session).rcpt, "DATA": (*session).data, "BDAT": (*session).bdat,
	"RSET": (*session).rset, "NOOP": (*session).noop, "VRFY": (*session).vrfy, "HELP": (*session).help,
	"QUIT": (*session).quit, "STARTTLS": (*session).startTLS, "AUTH": (*session).auth,
}

// mailCommands move a message forward and are bounded by what they bring; the others are counted.
var mailCommands = map[string]bool{"MAIL": true, "RCPT": true, "DATA": true, "BDAT": true}

// notOffered are commands of the standards that we do not have here.
var notOffered = map[string]bool{"EXPN": true, "ETRN": true, "ATRN": true, "TURN": true, "SEND": true, "SOML": true, "SAML": true, "BURL": true}

// httpMethods begin what a browser can be made to send here.
var httpMethods = map[string]bool{"GET": true, "POST": true, "PUT": true, "HEAD": true, "OPTIONS": true, "PATCH": true, "DELETE": true, "CONNECT": true, "PRI": true}

// grouped are the commands whose replies may wait for those of the commands behind them (RFC 2920 3.2 forbids it for the
// others).
var grouped = map[string]bool{"MAIL": true, "RCPT": true, "RSET": true}

// promptly answers one command.
func (s *session) promptly(cmd smtp.Command) {
	s.o.Observer.CommandStarted(s.o.Mode)
	defer s.o.Observer.CommandEnded(s.o.Mode)
	if s.execute(cmd); !grouped[cmd.Verb] {
		s.wire.flush()
	}
}

// execute answers one command, or adds to the replies that wait.
func (s *session) execute(cmd smtp.Command) {
	if !mailCommands[cmd.Verb] {
		if s.spend(); s.ended {
			return
		}
	}
	if handle := handlers[cmd.Verb]; handle != nil {
		handle(s, cmd.Args)
		return
	}
	switch {
	case cmd.Verb == "":
		s.refuse("other", emptyCommand)
	case notOffered[cmd.Verb]:
		s.refuse(cmd.Verb, notImplemented)
	case httpMethods[cmd.Verb]:
		s.refuse("other", isHTTP)
		s.hangUp()
	default:
		s.refuse("other", unknownCommand)
	}
}

// helloLines are the first line and the extensions of EHLO (RFC 5321 4.1.1.1).
func helloLines(o *Options) []string {
	lines := []string{
		o.Hostname,
		"PIPELINING", // RFC 2920
		fmt.Sprintf("SIZE %d", o.Limits.MessageSize), // RFC 1870
		"8BITMIME",            // RFC 6152
		"SMTPUTF8",            // RFC 6531
		"CHUNKING",            // RFC 3030
		"BINARYMIME",          // RFC 3030
		"DSN",                 // RFC 3461
		"ENHANCEDSTATUSCODES", // RFC 2034
		"HELP",
	}
	if o.Mode == Submission {
		lines = append(lines,
			"DELIVERBY",   // RFC 2852: as short a time as one likes
			"MT-PRIORITY", // RFC 6710
			fmt.Sprintf("LIMITS RCPTMAX=%d", o.Limits.Recipients), // RFC 9422
		)
	}
	return lines
}

func (s *session) ehlo(args string) {
	if s.info.LMTP {
		s.refuse("EHLO", useLHLO)
		return
	}
	s.extendedHello(args)
}

func (s *session) lhlo(args string) {
	if !s.info.LMTP {
		s.refuse("LHLO", useEHLO)
		return
	}
	s.extendedHello(args)
}

func (s *session) helo(args string) {
	if s.info.LMTP {
		s.refuse("HELO", useLHLO)
		return
	}
	if s.greet(args, false) {
		s.say(mail.Reply{Code: 250, Text: s.o.Hostname})
	}
}

func (s *session) extendedHello(args string) {
	if !s.greet(args, true) {
		return
	}
	lines := slices.Clip(s.hello)
	switch {
	case s.o.Mode == Submission:
		lines = append(lines, s.submissionLines()...)
	case s.o.Mode == MX && s.info.TLS != nil:
		lines = append(lines, "REQUIRETLS") // RFC 8689 2: only under TLS
	}
	if s.tlsOffered() {
		lines = append(lines, "STARTTLS") // RFC 3207
	}
	s.wire.lines(250, lines)
}

// greet takes the client's name. A second greeting resets like RSET (RFC 5321 4.1.4). Words after the name are an old
// custom (RFC 5321 4.1.1.1).
func (s *session) greet(args string, extended bool) bool {
	name, _, _ := strings.Cut(args, " ")
	if err := smtp.CheckHello(name); err != nil {
		s.refuse("EHLO", reply(501, 5, 5, 4, err.Error()))
		return false
	}
	s.reset()
	s.greeted, s.utf8 = true, false
	s.info.Hello, s.info.ESMTP = name, extended
	return true
}

func (s *session) rset(args string) {
	if args != "" {
		s.refuse("RSET", noArgument)
		return
	}
	s.reset()
	s.say(okReset)
}

func (s *session) noop(string) { s.say(okNoop) }

func (s *session) help(string) { s.say(s.helpText) }

// vrfy confirms nothing: RFC 5321 7.3 allows it and address harvesters taught it.
func (s *session) vrfy(args string) {
	if args == "" {
		s.refuse("VRFY", wantArgument)
		return
	}
	s.say(cannotVRFY)
}

func (s *session) quit(args string) {
	if args != "" {
		s.refuse("QUIT", noArgument)
		return
	}
	s.say(okBye)
	s.ended = true
}

func (s *session) tlsOffered() bool { return s.o.TLS != nil && s.info.TLS == nil }

// startTLS is RFC 3207. The server forgets all it knows of the client, whose plaintext could be anybody's.
func (s *session) startTLS(args string) {
	switch {
	case s.o.TLS == nil:
		s.refuse("STARTTLS", notImplemented)
		return
	case s.info.TLS != nil:
		s.refuse("STARTTLS", tlsActive)
		return
	case args != "":
		s.refuse("STARTTLS", noArgument)
		return
	case s.wire.buffered():
		// RFC 3207 4, RFC 2920 3.1: STARTTLS is last in a group. What follows in clear would otherwise be read as if it
		// had come encrypted.
		s.refuse("STARTTLS", tlsNotLast)
		s.hangUp()
		return
	}
	s.say(okTLS)
	if s.wire.flush() != nil {
		s.ended = true
		return
	}
	conn, shown := listen.TLS(s.wire.nc, s.o.TLS)
	if s.shown = shown; !s.handshake(conn) {
		s.ended = true
		return
	}
	s.reset()
	s.greeted = false
	s.info.Hello, s.info.ESMTP = "", false
}

// handshake makes the connection a TLS one. A failed one leaves nothing that could be said in clear or encrypted.
func (s *session) handshake(tc *tls.Conn) bool {
	if err := s.wire.handshake(tc); err != nil {
		s.log.Info("smtp: TLS handshake failed", "remote", s.info.Remote.String(), "err", err)
		return false
	}
	state := tc.ConnectionState()
	s.info.TLS = &state
	return true
}
