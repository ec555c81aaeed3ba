package dialogues

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// echo is a server that answers each line with itself; a few words make it do what servers do.
func echo(nc net.Conn) {
	defer nc.Close()
	nc.Write([]byte("220 hello\r\n"))
	r := bufio.NewReader(nc)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.TrimSpace(line) {
		case "many":
			line = "1-a\r\n2-b\r\n3 c\r\n"
		case "lf":
			line = "bare\n"
		case "stuck":
			line = "no end"
		case "silent":
			continue
		case "bye":
			return
		case "tls":
			nc.Write([]byte("go\r\n"))
			tc := tls.Server(nc, testTLS())
			nc, r, line = tc, bufio.NewReader(tc), "secure\r\n"
		}
		nc.Write([]byte(line))
	}
}

func testTLS() *tls.Config {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func dialEcho(_ context.Context, protocol string) (net.Conn, error) {
	if protocol == "none" {
		return nil, errors.New("nothing listens")
	}
	client, server := net.Pipe()
	go echo(server)
	return client, nil
}

// playText plays a dialogue under a fake clock, so that waiting for a timeout costs nothing.
func playText(t *testing.T, text string) (err error) {
	file := filepath.Join(t.TempDir(), "x.dialogue")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		err = Play(t.Context(), file, Options{
			Dial: dialEcho,
			Vars: map[string]string{"given": `a\b.c`},
			Do: map[string]func([]string) error{"fail": func(words []string) error {
				return errors.New("did " + strings.Join(words, "+"))
			}},
		})
	})
	return err
}

func TestPlay(t *testing.T) {
	for name, text := range map[string]string{
		"exact":        "# comment\n\nc <- 220 hello\nc -> x  y \nc <- x  y \n",
		"empty line":   "c <- 220 hello\nc ->\nc <-\n",
		"escapes":      "c <- 220 hello\nc ~> a\\x80\\t\\\\\\r\\nb\\r\\n\nc <= a\\x80\\t\\\\\\r\\n\nc <- b\n",
		"regexp":       "c <~ 220 h(?P<rest>.*)\nc -> $rest\nc <~ x|ello\n",
		"skip":         "c <+ 220 .*\nc -> many\nc <+ 3 .\n",
		"any order":    "c <+ 220 .*\nc -> many\nc <& 3 c\nc <& 1-(?P<v>.)\nc <& 2-.\nc -> $v\nc <- a\n",
		"two":          "a <- 220 hello\nb <- 220 hello\na -> 1\nb -> 2\nb <- 2\na <- 1\n",
		"variables":    "set m x\\r\\ny\nc <~ .*\nc -> ${#m} $$m ${m*3} $ $1 ${given}\nc <- 4 $$m mmm $ $1 a\\b.c\n",
		"quoted vars":  "c <~ .*\nc -> $given\nc <~ $given\nc ~> $given\\r\\n\nc <= $given\\r\\n\n",
		"repeat":       "c <~ .*\nrepeat 3 c -> n$i\nrepeat 3 c <- n$i\n",
		"closed":       "c <~ .*\nc -> bye\nc closed\nc <- 220 hello\n",
		"close":        "c <~ .*\nc close\nc open any\nc <- 220 hello\n",
		"starttls":     "c <~ .*\nc -> tls\nc <- go\nc => starttls\nc <- secure\nc -> hi\nc <- hi\n",
		"pipelined":    "c <~ .*\nrepeat 500 c -> x\nc -> end\nc <+ end\n",
		"dollar at re": "c <~ 220 hello$\n",
	} {
		t.Run(name, func(t *testing.T) {
			if err := playText(t, text); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"wrong line": {"c <- 220 hello\nc -> x\nc <- y\n",
			"x.dialogue:3: c <- y\n    expected: \"y\"\n    got:      \"x\"\n    before:\n        <- 220 hello\n        -> \"x\\r\\n\"\n        <- x"},
		"wrong match":     {"c <~ 22. hell\n", "expected: 22. hell\n    got:      \"220 hello\""},
		"bare LF":         {"c <~ .*\nc -> lf\nc <- bare\n", `got:      "bare\n"`},
		"no end of line":  {"c <~ .*\nc -> stuck\nc <- no end\n", `got:      "no end", then read pipe: i/o timeout`},
		"wrong bytes":     {"c <= 220 bye\n", `got:      "220 hel"`},
		"too few bytes":   {"c <~ .*\nc <= x\n", "timeout"},
		"nothing":         {"c <~ .*\nc -> silent\nc <- x\n", "timeout"},
		"never":           {"c <~ .*\nc -> many\nc <+ 4.*\n", "timeout"},
		"any order":       {"c <~ .*\nc -> many\nc <& 3.*\nc <& 1.*\nc <& 1.*\n", "expected: one of the 2 lines not seen yet\n    got:      \"2-b\""},
		"not closed":      {"c <~ .*\nc closed\n", "still open"},
		"more":            {"c closed\n", "said more 220 hello"},
		"closed early":    {"c <~ .*\nc -> bye\nc <- x\n", "got:      EOF"},
		"no server":       {"c open none\n", "nothing listens"},
		"open twice":      {"c open a\nc open b\n", "open already"},
		"unset":           {"c -> $nope\n", `variable "nope" is not set`},
		"bad regexp":      {"c <~ (\n", "missing closing"},
		"do":              {"do fail a b\n", "did a+b"},
		"unknown do":      {"do other\n", `there are ["fail"]`},
		"no TLS":          {"c <~ .*\nc -> x\nc <~ .*\nc => starttls\n", "got:"},
		"plain and TLS":   {"c -> x\nc => starttls\n", "got:"},
		"unknown op":      {"c >> x\n", `x.dialogue:1: c >> x: unknown operator ">>"`},
		"no name":         {"C -> x\n", "begins with a connection's name"},
		"argument":        {"c closed now\n", "takes no argument"},
		"repeat":          {"repeat x c -> y\n", "repeat wants a number"},
		"repeat bad step": {"repeat 2 c\n", "unknown operator"},
		"include":         {"include nope\n", "x.dialogue:1: open"},
		"include itself":  {"include x.dialogue\n", "includes are more than 8 deep"},
		"escape":          {"c ~> \\q\n", `\q is not one of`},
		"other protocol":  {"c => ssh\n", "starttls and deflate only"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := playText(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "part"), 0o700)
	os.WriteFile(filepath.Join(dir, "part", "hello"), []byte("c <- 220 hello\nc -> x\n"), 0o600)
	os.WriteFile(filepath.Join(dir, "one.dialogue"), []byte("include part/hello\nc <- x\n"), 0o600)
	started := 0
	RunAll(t, filepath.Join(dir, "*.dialogue"), func(t *testing.T) Options {
		started++
		return Options{Dial: dialEcho}
	})
	if started != 1 {
		t.Errorf("options was asked for %d times", started)
	}
}
