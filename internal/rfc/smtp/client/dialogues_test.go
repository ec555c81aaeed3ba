package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/test/dialogues"
)

// The files of test/dialogues/client are played from the server's end: what they send are replies, and what they expect are our
// commands. "do" says what the client is to do meanwhile, and what came of it.
func TestDialogues(t *testing.T) {
	dialogues.RunAll(t, "../../../../test/dialogues/client/*.dialogue", func(t *testing.T) dialogues.Options {
		p := &played{mayEnd: true, done: make(chan outcome, 1)}
		return dialogues.Options{Dial: p.dial, Timeout: 5 * time.Second, Do: map[string]func([]string) error{
			"greet": p.greet, "auth": p.auth, "quit": p.quit, "mail": p.mail, "rcpt": p.rcpt, "wants": p.wants, "content": p.setContent, "repeat": p.repeat,
			"lost": func([]string) error { p.mayEnd = false; return nil },
			"send": p.send, "answer": p.answer, "error": p.wantError, "ended": p.wantEnded,
		}}
	})
}

type outcome struct {
	result Result
	err    error
}

// played is the client in a dialogue.
type played struct {
	conn    *Conn
	message Message
	content string
	mayEnd  bool
	done    chan outcome
	got     *outcome
	started bool
}

func (p *played) dial(context.Context, string) (net.Conn, error) {
	server, client := net.Pipe()
	p.conn = New(client, Options{Hostname: "us.example"})
	return server, nil
}

func (p *played) start(do func() (Result, error)) error {
	if p.started {
		p.wait()
	}
	p.got, p.started = nil, true
	go func() {
		result, err := do()
		p.done <- outcome{result, err}
	}()
	return nil
}

func (p *played) greet([]string) error {
	return p.start(func() (Result, error) { return Result{}, p.conn.Greet() })
}

func (p *played) auth(words []string) error {
	return p.start(func() (Result, error) { return Result{}, p.conn.Auth(words[0], words[1]) })
}

func (p *played) quit([]string) error {
	return p.start(func() (Result, error) { return Result{}, p.conn.Quit() })
}

// mail begins a message: its words are the arguments of a MAIL command.
func (p *played) mail(words []string) error {
	e, err := smtp.ParseMail(strings.Join(words, " "), smtp.Extensions{})
	p.message, p.content = Message{Envelope: &e}, ""
	return err
}

func (p *played) rcpt(words []string) error {
	r, err := smtp.ParseRcpt(strings.Join(words, " "), true)
	p.message.Envelope.Recipients = append(p.message.Envelope.Recipients, r)
	return err
}

// wants sets what MAIL of ours does not say: requiretls, priority N, by SECONDS R|N [T], utf8.
func (p *played) wants(words []string) (err error) {
	e := p.message.Envelope
	switch words[0] {
	case "requiretls":
		e.RequireTLS = true
	case "utf8":
		e.SMTPUTF8 = true
	case "priority":
		e.Priority, err = strconv.Atoi(words[1])
	case "by":
		seconds, _ := strconv.Atoi(words[1])
		// Half a second less, so that the time this takes does not change the number on the wire.
		e.DeliverBy = mail.DeliverBy{Time: time.Now().Add(time.Duration(seconds)*time.Second - 500*time.Millisecond), Return: words[2] == "R", Trace: len(words) > 3}
	default:
		err = fmt.Errorf("%q is nothing to want", words[0])
	}
	return err
}

var escapes = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00", `\xe4`, "\xe4", `\_`, " ")

func (p *played) setContent(words []string) error {
	p.content += escapes.Replace(strings.Join(words, " "))
	return nil
}

// repeat adds content: N times the text.
func (p *played) repeat(words []string) error {
	n, err := strconv.Atoi(words[0])
	p.content += strings.Repeat(escapes.Replace(words[1]), n)
	return err
}

func (p *played) send([]string) error {
	m := p.message
	content, mayEnd := p.content, p.mayEnd
	m.Size = int64(len(content))
	m.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
	m.MayEnd = func() bool { return mayEnd }
	return p.start(func() (Result, error) { return p.conn.Send(m) })
}

func (p *played) wait() *outcome {
	if p.got == nil {
		o := <-p.done
		p.got = &o
	}
	return p.got
}

var stages = [...]string{"undecided", "unsent", "mail", "rcpt", "data", "end"}

// answer compares: number of the recipient from 1, stage, and the reply.
func (p *played) answer(words []string) error {
	o := p.wait()
	n, err := strconv.Atoi(words[0])
	if err != nil || n > len(o.result.Answers) {
		return fmt.Errorf("there are %d answers, err %v", len(o.result.Answers), o.err)
	}
	a := o.result.Answers[n-1]
	got := stages[a.At]
	if a.At != Undecided {
		got += " " + a.Reply.Error()
	}
	if want := strings.Join(words[1:], " "); got != want {
		return fmt.Errorf("it is %q, err %v", got, o.err)
	}
	return nil
}

// wantError compares the text of the error, "none" where there is none.
func (p *played) wantError(words []string) error {
	o := p.wait()
	want := strings.Join(words, " ")
	if want == "none" && o.err == nil || o.err != nil && strings.Contains(o.err.Error(), want) {
		return nil
	}
	return fmt.Errorf("it is %v", o.err)
}

func (p *played) wantEnded(words []string) error {
	if o := p.wait(); strconv.FormatBool(o.result.Ended) != words[0] {
		return fmt.Errorf("it is %t, err %v", o.result.Ended, o.err)
	}
	return nil
}
