package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

// size is a number of bytes, with k or m (1024 and 1024*1024) after it if need be.
type size int

func (s *size) UnmarshalText(text []byte) error {
	number, unit := strings.ToLower(string(text)), 1
	for suffix, n := range map[string]int{"kib": 1 << 10, "mib": 1 << 20, "k": 1 << 10, "m": 1 << 20} {
		if cut, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = cut, n
			break
		}
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > 1<<30/unit {
		return fmt.Errorf("%q is no size: write bytes, or a number with k or m, up to 1024m", text)
	}
	*s = size(n * unit)
	return nil
}

// connection flags are for whatever is connected to.
type connection struct {
	TLSVerify bool          `name:"tls-verify" help:"Check certificates."`
	Timeout   time.Duration `default:"60s" help:"How long the server may be silent."`
}

func (c connection) secured(security string) dial.Options {
	return dial.Options{Security: dial.Security(security), Verify: c.TLSVerify, Timeout: c.Timeout}
}

// sending flags say how mail is sent.
type sending struct {
	SMTPTLS      string `name:"smtp-tls" enum:"none,starttls,tls" default:"none" help:"Security of SMTP and LMTP: none, starttls, tls."`
	User         string `help:"Sign in with AUTH PLAIN as this user, for submission."`
	UserPassword string `env:"MAILLOAD_USER_PASSWORD" help:"Password of --user."`
	BDAT         bool   `name:"bdat" help:"Use BDAT where CHUNKING is offered."`
	Pipelining   bool   `default:"true" negatable:"" help:"Use PIPELINING where offered."`
	From         string `default:"sender@mailload.example" help:"Reverse-path."`
	Size         size   `default:"10k" help:"Bytes of a message, exactly."`
}

func (s sending) options(c connection, lmtp bool) smtp.Options {
	return smtp.Options{
		Options: c.secured(s.SMTPTLS), LMTP: lmtp, BDAT: s.BDAT, NoPipelining: !s.Pipelining,
		Username: s.User, Password: s.UserPassword,
	}
}

// bulk flags are for sending over many connections.
type bulk struct {
	sending
	Connections   int           `short:"c" default:"32" help:"Connections that send at the same time."`
	Duration      time.Duration `help:"How long to send. Default 10s, unless --count is given."`
	Count         int           `short:"n" help:"How many mails to send."`
	PerConnection int           `help:"Mails after which a connection is renewed; 0: never."`
	PerMail       int           `default:"1" help:"Recipients of each mail."`
	MaxSize       size          `help:"Sizes between --size and this."`
}

func (b bulk) load(addr string, to []string, opts smtp.Options) measure.Load {
	return measure.Load{
		Addr: addr, SMTP: opts, Connections: b.Connections, From: b.From, To: to, PerMail: b.PerMail,
		Size: int(b.Size), MaxSize: int(b.MaxSize), PerConnection: b.PerConnection,
	}
}

// limits gives Duration its default.
func (b bulk) limits() (time.Duration, int) {
	if b.Duration <= 0 && b.Count <= 0 {
		return 10 * time.Second, 0
	}
	return b.Duration, b.Count
}

// accounts flags name those who read their mail over IMAP.
type accounts struct {
	Account  []string `required:"" help:"Account; {n} in it stands for 1 to --accounts, with two digits at least."`
	Accounts int      `default:"1" help:"How many accounts {n} stands for."`
	Password string   `env:"MAILLOAD_PASSWORD" help:"Password of all accounts."`
}

func (a accounts) list() []measure.Account {
	var out []measure.Account
	for _, address := range expand(a.Account, a.Accounts) {
		out = append(out, measure.Account{Address: address, Password: a.Password})
	}
	return out
}

// expand replaces {n}.
func expand(patterns []string, n int) []string {
	var out []string
	for _, pattern := range patterns {
		if !strings.Contains(pattern, "{n}") {
			out = append(out, pattern)
			continue
		}
		for i := 1; i <= n; i++ {
			out = append(out, strings.ReplaceAll(pattern, "{n}", fmt.Sprintf("%02d", i)))
		}
	}
	return out
}

// reading flags say how mail is read.
type reading struct {
	IMAP    string `name:"imap" required:"" placeholder:"HOST:PORT" help:"The IMAP door."`
	IMAPTLS string `name:"imap-tls" enum:"none,starttls,tls" default:"none" help:"Security of IMAP: none, starttls, tls."`
}

func (r reading) options(c connection) imap.Options {
	return imap.Options{Options: c.secured(r.IMAPTLS)}
}
