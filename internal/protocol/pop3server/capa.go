package pop3server

import "strings"

// Capabilities are those announced to every client in every state. Each has its list of requirements in docs/rfc/.
var Capabilities = []string{
	"TOP", "UIDL", "PIPELINING", "RESP-CODES", // RFC 2449 6
	"AUTH-RESP-CODE", // RFC 3206
	"EXPIRE NEVER",   // RFC 2449 6.7: no mail is removed but by its owner
	"LOGIN-DELAY 0",  // RFC 2449 6.5: looking for mail is cheap here
	"UTF8 USER",      // RFC 6856 2
	"LANG",           // RFC 6856 3
}

// capabilities lists what the client can use. RFC 2449 5: what is available before sign-in is announced afterwards too.
func (s *session) capabilities() []string {
	names := append([]string(nil), Capabilities...)
	if s.canStartTLS() {
		names = append(names, "STLS") // RFC 2595 4
	}
	if s.maySignIn() {
		names = append(names, "USER", "SASL "+strings.Join(s.o.Auth.Mechanisms(s.ctx, s.peer()), " ")) // RFC 5034 3
	}
	return append(names, "IMPLEMENTATION Mailmesh") // RFC 2449 6.9; no version, which would be useful to attackers
}

func (s *session) capa(string) (reply, error) {
	s.say(ok("capabilities follow"))
	s.lines(s.capabilities())
	return reply{}, nil
}

// lines sends the lines of a multi-line reply, none of which begins with a dot, and its end.
func (s *session) lines(lines []string) {
	for _, line := range lines {
		s.wire.Write([]byte(line + "\r\n"))
	}
	s.wire.Write([]byte(".\r\n"))
}
