package imapserver

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"net"
	"strings"
	"testing"
)

// deflating is a client's connection after COMPRESS. Each Write is one of the connection.
type deflating struct {
	net.Conn
	in     io.Reader
	out    *flate.Writer
	packed bytes.Buffer
}

func (d *deflating) Read(p []byte) (int, error) { return d.in.Read(p) }

func (d *deflating) Write(p []byte) (int, error) {
	d.out.Write(p) // into memory: no errors
	d.out.Flush()
	_, err := d.packed.WriteTo(d.Conn)
	return len(p), err
}

// compress switches compression on.
func (c *client) compress() {
	c.t.Helper()
	c.ok("COMPRESS DEFLATE")
	d := &deflating{Conn: c.conn, in: flate.NewReader(c.r)}
	d.out, _ = flate.NewWriter(&d.packed, flate.BestSpeed) // a level that exists
	c.conn = d
	c.r = bufio.NewReader(c.conn)
}

func TestCompressOverTLS(t *testing.T) {
	f := serve(t)
	f.deliver(ann, "INBOX", strings.Repeat(sample(1), 100))
	c := f.connect("imaps")
	c.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
	c.compress()
	c.ok("SELECT INBOX")
	if got := c.ok("FETCH 1 BODY.PEEK[]"); len(got) != 1 || strings.Count(got[0], "message 1") != 200 {
		t.Errorf("%d responses, %.300q", len(got), got)
	}
	c.ok("LOGOUT")
	io.Copy(io.Discard, c.r) // the end of TLS
}

// RFC 8437 4.2: who signs out goes on under the same compression.
func TestUnauthenticateKeepsCompression(t *testing.T) {
	f := serve(t)
	c := f.login()
	c.compress()
	c.ok("UNAUTHENTICATE")
	if got := c.ok("CAPABILITY"); strings.Contains(got[0], "COMPRESS") {
		t.Errorf("compression is offered again: %q", got)
	}
	c.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
	if _, reply := c.do("COMPRESS DEFLATE"); !strings.HasPrefix(reply, "BAD ") {
		t.Errorf("%s", reply)
	}
	c.ok("SELECT INBOX")
}

// A hundred bytes on the way can be a hundred thousand here: limits count those.
func TestDeflateBomb(t *testing.T) {
	f := serve(t)
	for name, bomb := range map[string]string{
		"line":    "a SELECT " + strings.Repeat("x", 8<<20) + "\r\n",
		"literal": "a SELECT {8388608+}\r\n" + strings.Repeat("x", 8<<20) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := f.login()
			c.compress()
			go io.WriteString(c.conn, bomb+"b LOGOUT\r\n") // the server need not take all of it
			all, err := io.ReadAll(c.r)
			if text := string(all); !strings.Contains(text, "[TOOBIG]") && !strings.Contains(text, "* BYE") {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}
