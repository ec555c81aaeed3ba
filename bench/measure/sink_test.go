package measure

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
)

// sink is the cheapest server that accepts everything: what it leaves of the
// machine is the generator's. It looks only for the ends of lines and contents.
func sink(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	b.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { swallow(c) })
		}
	})
	return l.Addr().String()
}

func swallow(c net.Conn) {
	defer c.Close()
	c.Write([]byte("220 sink\r\n"))
	buf := make([]byte, 32<<10)
	at, inData := 0, false
	for {
		n, err := c.Read(buf[at:])
		if err != nil {
			return
		}
		at += n
		var reply []byte
		switch {
		case inData && bytes.HasSuffix(buf[:at], []byte("\r\n.\r\n")):
			at, inData, reply = 0, false, []byte("250 ok\r\n")
		case inData: // keep only what may begin the end
			at = copy(buf, buf[max(0, at-4):at])
		case bytes.HasSuffix(buf[:at], []byte("DATA\r\n")):
			at, inData, reply = 0, true, []byte("250 ok\r\n250 ok\r\n354 go\r\n")
		case bytes.Contains(buf[:at], []byte("BDAT ")):
			if at = bdatEnd(buf, at); at == 0 {
				reply = []byte("250 ok\r\n250 ok\r\n250 ok\r\n")
			}
		case bytes.HasPrefix(buf, []byte("EHLO")):
			at, reply = 0, []byte("250-sink\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
		default:
			return // QUIT
		}
		if len(reply) > 0 {
			if _, err := c.Write(reply); err != nil {
				return
			}
		}
	}
}

// bdatEnd is 0 when the whole transaction is in the buffer.
func bdatEnd(buf []byte, at int) int {
	begin := bytes.Index(buf[:at], []byte("BDAT "))
	eol := bytes.IndexByte(buf[begin:at], '\n')
	var size int
	if eol < 0 {
		return at
	}
	if _, err := fmt.Sscanf(string(buf[begin:begin+eol]), "BDAT %d LAST", &size); err != nil {
		panic(err)
	}
	if at < begin+eol+1+size {
		return at
	}
	return 0
}

// BenchmarkRate is the whole generator against the sink.
func BenchmarkRate(b *testing.B) {
	for _, bdat := range []bool{false, true} {
		b.Run(map[bool]string{false: "data", true: "bdat"}[bdat], func(b *testing.B) {
			o := RateOptions{Load: load(sink(b)), Count: b.N}
			o.Size, o.Connections, o.SMTP.BDAT = 10<<10, 32, bdat
			r, err := Rate(context.Background(), o)
			if err != nil || r.Accepted != uint64(b.N) {
				b.Fatalf("%d of %d accepted: %v", r.Accepted, b.N, err)
			}
			b.ReportMetric(r.PerSecond, "msgs/s")
			b.ReportMetric(r.GeneratorCPU, "cpu-us/msg")
		})
	}
}
