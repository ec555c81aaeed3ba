package fakemail

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

type imapSession struct {
	s       *Server
	c       net.Conn
	br      *bufio.Reader
	bw      *bufio.Writer
	account string
	box     *Mailbox
	known   int // messages the client has been told of
}

const allCapabilities = "IMAP4rev1 IMAP4rev2 LITERAL+ MULTIAPPEND IDLE UIDPLUS UNSELECT STATUS=SIZE CONDSTORE"

func (s *Server) serveIMAP(c net.Conn) {
	x := &imapSession{s: s, c: c, br: bufio.NewReader(c), bw: bufio.NewWriter(c)}
	x.say("* OK fakemail ready {3}")
	for x.bw.Flush() == nil {
		line, err := x.readCommand()
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(line, " ")
		verb, args, _ := strings.Cut(command, " ")
		if verb == "STARTTLS" {
			x.startTLS(tag)
			continue
		}
		result := x.command(strings.ToUpper(verb), args)
		if result == "" {
			x.bw.Flush()
			return
		}
		x.say("%s %s", tag, result)
	}
}

func (x *imapSession) startTLS(tag string) {
	x.say("%s OK begin", tag)
	x.bw.Flush()
	x.c = tls.Server(x.c, x.s.tls)
	x.br.Reset(x.c)
	x.bw.Reset(x.c)
}

func (x *imapSession) say(format string, args ...any) {
	fmt.Fprintf(x.bw, format+"\r\n", args...)
}

// readCommand reads a line; literals stay in it as "{n}" CRLF and bytes.
func (x *imapSession) readCommand() (string, error) {
	var whole strings.Builder
	for {
		line, err := x.br.ReadString('\n')
		if err != nil {
			return "", err
		}
		trimmed := strings.TrimRight(line, "\r\n")
		whole.WriteString(trimmed)
		open := strings.LastIndexByte(trimmed, '{')
		if open < 0 || !strings.HasSuffix(trimmed, "}") {
			return whole.String(), nil
		}
		size := strings.TrimSuffix(trimmed[open+1:], "}")
		if !strings.HasSuffix(size, "+") {
			x.say("+ go on")
			if err := x.bw.Flush(); err != nil {
				return "", err
			}
		}
		n, err := strconv.Atoi(strings.TrimSuffix(size, "+"))
		if err != nil {
			return "", err
		}
		literal := make([]byte, n)
		if _, err := io.ReadFull(x.br, literal); err != nil {
			return "", err
		}
		whole.WriteString("\r\n")
		whole.Write(literal)
	}
}

func (x *imapSession) command(verb, args string) string {
	switch verb {
	case "LOGIN":
		user, rest := unquoteFirst(args)
		password, _ := unquoteFirst(rest)
		if !x.s.signIn(user, password) {
			return "NO [AUTHENTICATIONFAILED] no"
		}
		x.account = user
		return "OK signed in"
	case "CAPABILITY":
		x.say("* CAPABILITY %s", x.capabilities())
		return "OK"
	case "LOGOUT":
		x.say("* BYE bye")
		return "OK bye"
	}
	if x.account == "" {
		return "BAD sign in first"
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.mailboxCommand(verb, args, x.s.opts.Faults)
}

func (x *imapSession) capabilities() string {
	if x.s.opts.Capabilities != "" {
		return x.s.opts.Capabilities
	}
	return allCapabilities
}

// mailboxCommand runs with s.mu held.
func (x *imapSession) mailboxCommand(verb, args string, f Faults) string {
	switch verb {
	case "NOOP":
		if f.Expunges && x.known > 0 {
			x.say("* 1 EXPUNGE")
		}
		x.announce(f)
		return "OK"
	case "CREATE":
		name, _ := unquoteFirst(args)
		if f.RefuseCreate || x.s.box(x.account, name, false) != nil {
			return "NO [ALREADYEXISTS] it exists"
		}
		x.s.box(x.account, name, true)
		return "OK"
	case "DELETE":
		name, _ := unquoteFirst(args)
		if x.s.box(x.account, name, false) == nil {
			return "NO [NONEXISTENT] no such mailbox"
		}
		delete(x.s.boxes, x.account+"/"+name)
		return "OK"
	case "SELECT", "EXAMINE":
		return x.selectBox(args, f)
	case "UNSELECT", "CLOSE":
		x.box = nil
		return "OK"
	case "STATUS":
		return x.status(args, f)
	case "APPEND":
		return x.append(args, f)
	}
	if x.box == nil {
		return "BAD select first"
	}
	switch verb {
	case "IDLE":
		return x.idle(f)
	case "FETCH":
		defer x.announce(f) // EXISTS may come with any command
		return x.fetch(args, false, f)
	case "UID":
		verb, args, _ = strings.Cut(args, " ")
		if verb == "FETCH" {
			return x.fetch(args, true, f)
		}
	case "STORE":
		return x.store(args, f)
	case "SEARCH":
		return x.search(args, f)
	}
	return "BAD unknown command"
}

func (x *imapSession) announce(f Faults) {
	if x.box == nil || len(x.box.mails) == x.known {
		return
	}
	x.known = len(x.box.mails)
	if f.ExtraExists {
		x.known++
	}
	x.say("* %d EXISTS", x.known)
}

func (x *imapSession) selectBox(args string, f Faults) string {
	name, _ := unquoteFirst(args)
	x.box = x.s.box(x.account, name, false)
	if x.box == nil {
		return "NO [NONEXISTENT] no such mailbox"
	}
	x.known = len(x.box.mails)
	x.say("* FLAGS (\\Seen \\Flagged \\Deleted)")
	x.say("* %d EXISTS", x.known+f.Exists)
	x.say("* OK [UIDVALIDITY %d] ok", x.box.uidvalidity)
	x.say("* OK [UIDNEXT %d] ok", int(x.box.uidnext)+f.UIDNext)
	x.say("* OK [HIGHESTMODSEQ %d] ok", x.box.uidnext)
	return "OK [READ-WRITE] selected"
}

func (x *imapSession) status(args string, f Faults) string {
	name, _ := unquoteFirst(args)
	b := x.s.box(x.account, name, false)
	if b == nil {
		return "NO [NONEXISTENT] no such mailbox"
	}
	unseen, size := 0, 0
	for _, m := range b.mails {
		if !m.flags[`\Seen`] {
			unseen++
		}
		size += len(m.content)
	}
	x.say(`* STATUS "%s" (MESSAGES %d UNSEEN %d UIDNEXT %d UIDVALIDITY %d SIZE %d HIGHESTMODSEQ %d)`, name,
		len(b.mails)+f.Messages, unseen+f.Unseen, int(b.uidnext)+f.UIDNext, b.uidvalidity, size, b.uidnext)
	return "OK"
}

func (x *imapSession) append(args string, f Faults) string {
	name, rest := unquoteFirst(args)
	b := x.s.box(x.account, name, false)
	if b == nil {
		return "NO [TRYCREATE] no such mailbox"
	}
	for rest != "" {
		var flags []string
		if strings.HasPrefix(rest, "(") {
			list, after, _ := strings.Cut(rest[1:], ") ")
			flags, rest = strings.Fields(list), after
		}
		size, after, ok := strings.Cut(rest, "}\r\n")
		n, err := strconv.Atoi(strings.Trim(size, "{+"))
		if !ok || err != nil || n > len(after) {
			return "BAD literal"
		}
		if !f.LoseAppends {
			b.add([]byte(after[:n]), flags...)
		}
		rest = strings.TrimPrefix(after[n:], " ")
	}
	return fmt.Sprintf("OK [APPENDUID %d %d] kept", b.uidvalidity, b.uidnext-1)
}

// idle waits on the mailbox's bell; a second goroutine waits for DONE.
func (x *imapSession) idle(f Faults) string {
	x.say("+ idling")
	x.bw.Flush()
	done := false
	box := x.box
	x.s.wg.Go(func() {
		x.br.ReadString('\n') // DONE, or the end of the connection
		x.s.mu.Lock()
		defer x.s.mu.Unlock()
		done = true
		box.bell.Broadcast()
	})
	for !done && !x.s.closed {
		x.announce(f)
		x.bw.Flush()
		box.bell.Wait()
	}
	return "OK"
}

func (x *imapSession) flagList(m *mail) string {
	return "(" + strings.Join(slices.Sorted(maps.Keys(m.flags)), " ") + ")"
}

func unquoteFirst(s string) (first, rest string) {
	if !strings.HasPrefix(s, `"`) {
		first, rest, _ = strings.Cut(s, " ")
		return first, rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			b.WriteByte(s[i])
		case '"':
			return b.String(), strings.TrimPrefix(s[i+1:], " ")
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

var internalDate = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC).Format("02-Jan-2006 15:04:05 -0700")
