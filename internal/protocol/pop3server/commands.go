package pop3server

import "strings"

// states in which a command is allowed, and what it does there.
type states int

const (
	authorization states = 1 << iota // RFC 1939 4
	transaction                      // RFC 1939 5
)

type arguments int

const (
	none arguments = iota
	optional
	required
)

// command is one of the protocol's.
type command struct {
	in   states
	args arguments
	run  func(s *session, args string) (reply, error)
}

var commands = map[string]command{
	"USER": {authorization, required, (*session).userName},
	"PASS": {authorization, required, (*session).pass},
	"AUTH": {authorization, optional, (*session).auth},
	"STLS": {authorization, none, (*session).startTLS},
	"UTF8": {authorization, none, (*session).useUTF8},
	"LANG": {authorization | transaction, optional, (*session).lang},
	"CAPA": {authorization | transaction, none, (*session).capa},
	"QUIT": {authorization | transaction, none, (*session).quit},
	"STAT": {transaction, none, (*session).stat},
	"LIST": {transaction, optional, (*session).list},
	"UIDL": {transaction, optional, (*session).uidl},
	"RETR": {transaction, required, (*session).retr},
	"TOP":  {transaction, required, (*session).top},
	"DELE": {transaction, required, (*session).dele},
	"NOOP": {transaction, none, (*session).noop},
	"RSET": {transaction, none, (*session).rset},
}

// refusal says why the command cannot be carried out as it stands.
func (c command) refusal(s *session, args string) reply {
	now := authorization
	if s.maildrop != nil {
		now = transaction
	}
	switch {
	case c.in&now == 0 && now == authorization:
		return bad("sign in first")
	case c.in&now == 0:
		return bad("you are signed in already")
	case c.args == none && strings.TrimSpace(args) != "":
		return bad("the command takes no argument")
	case c.args == required && args == "":
		return bad("the command takes an argument")
	}
	return reply{}
}

func (s *session) noop(string) (reply, error) { return ok("nothing done"), nil }
