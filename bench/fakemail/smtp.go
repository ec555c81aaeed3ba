package fakemail

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
)

type smtpSession struct {
	s      *Server
	c      net.Conn
	br     *bufio.Reader
	bw     *bufio.Writer
	lmtp   bool
	mail   bool
	to     []string
	chunks []byte
}

var errHangUp = errors.New("hang up")

func (s *Server) serveSMTP(c net.Conn, lmtp bool) {
	x := &smtpSession{s: s, c: c, br: bufio.NewReader(c), bw: bufio.NewWriter(c), lmtp: lmtp}
	x.reply("220 fakemail ready")
	for {
		if x.br.Buffered() == 0 && x.bw.Flush() != nil {
			return
		}
		line, err := x.br.ReadString('\n')
		if err != nil {
			return
		}
		verb, args, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if err := x.command(strings.ToUpper(verb), args); err != nil {
			if !errors.Is(err, errHangUp) {
				x.bw.Flush()
			}
			return
		}
	}
}

func (x *smtpSession) reply(format string, args ...any) {
	fmt.Fprintf(x.bw, format+"\r\n", args...)
}

func (x *smtpSession) command(verb, args string) error {
	switch verb {
	case "EHLO", "LHLO":
		x.hello(verb)
	case "STARTTLS":
		return x.startTLS()
	case "AUTH":
		x.reply("235 signed in")
	case "MAIL":
		if strings.Contains(args, "refused@") {
			x.reply("550-5.7.1 not\r\n550 5.7.1 you")
			break
		}
		x.mail, x.to, x.chunks = true, nil, nil
		x.reply("250 ok")
	case "RCPT":
		x.rcpt(args)
	case "DATA":
		return x.data()
	case "BDAT":
		return x.bdat(args)
	case "RSET":
		x.mail, x.to = false, nil
		x.reply("250 ok")
	case "QUIT":
		x.reply("221 bye")
		return io.EOF
	default:
		x.reply("500 what")
	}
	return nil
}

func (x *smtpSession) hello(verb string) {
	if (verb == "LHLO") != x.lmtp {
		x.reply("500 wrong greeting")
		return
	}
	extensions := x.s.opts.Extensions
	if extensions == "" {
		extensions = "PIPELINING SIZE=1000000 CHUNKING STARTTLS AUTH=PLAIN"
	}
	x.reply("250-fakemail")
	for word := range strings.FieldsSeq(extensions) {
		x.reply("250-%s", strings.Replace(word, "=", " ", 1))
	}
	x.reply("250 8BITMIME")
}

func (x *smtpSession) startTLS() error {
	x.reply("220 go ahead")
	if err := x.bw.Flush(); err != nil {
		return err
	}
	x.c = tls.Server(x.c, x.s.tls)
	x.br.Reset(x.c)
	x.bw.Reset(x.c)
	return nil
}

func (x *smtpSession) rcpt(args string) {
	_, address, _ := strings.Cut(args, "<")
	address, _, _ = strings.Cut(address, ">")
	switch {
	case !x.mail:
		x.reply("503 MAIL first")
	case strings.HasPrefix(address, "unknown@") || !x.s.knows(address):
		x.reply("550 5.1.1 no such user")
	case strings.HasPrefix(address, "full@"):
		x.reply("452 4.2.2 mailbox full")
	default:
		x.to = append(x.to, address)
		x.reply("250 ok")
	}
}

func (x *smtpSession) data() error {
	if len(x.to) == 0 {
		x.reply("503 no recipients")
		return nil
	}
	x.reply("354 go on")
	if err := x.bw.Flush(); err != nil {
		return err
	}
	content, err := textproto.NewReader(x.br).ReadDotBytes()
	if err != nil {
		return err
	}
	return x.end(bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n")))
}

func (x *smtpSession) bdat(args string) error {
	size, last, _ := strings.Cut(args, " ")
	n, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	chunk := make([]byte, n)
	if _, err := io.ReadFull(x.br, chunk); err != nil {
		return err
	}
	if len(x.to) == 0 {
		x.reply("503 no recipients")
		return nil
	}
	x.chunks = append(x.chunks, chunk...)
	if last != "LAST" {
		x.reply("250 ok")
		return nil
	}
	return x.end(x.chunks)
}

func (x *smtpSession) end(content []byte) error {
	fate := x.s.fate()
	x.s.deliver(fate, x.to, content)
	to := x.to
	x.mail, x.to, x.chunks = false, nil, nil
	reply := "250 2.0.0 kept"
	switch fate {
	case HangUp, HangUpTwice, HangUpAndLose, KeepFirstOnly:
		return errHangUp
	case Refuse, RefuseAndKeep:
		reply = "451 4.3.0 try later"
	}
	if !x.lmtp {
		to = to[:1]
	}
	for range to {
		x.reply("%s", reply)
	}
	return nil
}
