package imapserver

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"net"
	"runtime"
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
	f.Deliver(ann, "INBOX", strings.Repeat(sample(1), 100))
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

// packed is what a client sends of a text under compression: prefix, then n times the same octet, then suffix.
func packed(prefix string, n int, suffix string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed) // a level that exists
	io.WriteString(w, prefix)
	for some := bytes.Repeat([]byte("x"), 1<<20); n > 0; n -= len(some) {
		w.Write(some[:min(n, len(some))])
	}
	io.WriteString(w, suffix)
	w.Flush()
	return b.Bytes()
}

// A hundred bytes on the way can be a hundred thousand here: limits count those, and what is refused is not held.
func TestDeflateBomb(t *testing.T) {
	f := serve(t)
	const size, most = 128 << 20, 8 << 20
	for name, bomb := range map[string][]byte{
		"line":    packed("a SELECT ", size, "\r\nb LOGOUT\r\n"),
		"literal": packed("a SELECT {134217728+}\r\n", size, "\r\nb LOGOUT\r\n"),
		"words":   packed("a SEARCH OR "+strings.Repeat("SUBJECT y NOT ", 1000), size, "\r\nb LOGOUT\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			c := f.login()
			c.compress()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			go c.conn.(*deflating).Conn.Write(bomb) // the server need not take all of it
			all, err := io.ReadAll(c.r)
			runtime.ReadMemStats(&after)
			if text := string(all); !strings.Contains(text, "[TOOBIG]") && !strings.Contains(text, "* BYE") {
				t.Errorf("%q, %v", text, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d octets on the way made the server allocate %d", len(bomb), took)
			}
		})
	}
}
