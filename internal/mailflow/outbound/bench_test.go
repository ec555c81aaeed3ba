package outbound

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// sink takes everything, as fast as it can.
func sink(nc net.Conn) {
	defer nc.Close()
	r, w := bufio.NewReaderSize(nc, 64<<10), bufio.NewWriter(nc)
	w.WriteString("220 sink\r\n")
	inData := false
	for {
		if r.Buffered() == 0 {
			w.Flush()
		}
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case inData:
			if string(line) == ".\r\n" {
				inData = false
				w.WriteString("250 2.0.0 ok\r\n")
			}
		case bytes.HasPrefix(line, []byte("EHLO")):
			w.WriteString("250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
		case bytes.HasPrefix(line, []byte("DATA")):
			inData = true
			w.WriteString("354 go\r\n")
		default:
			w.WriteString("250 ok\r\n")
		}
	}
}

// A message of 10 KiB to one host, over kept connections.
func BenchmarkDeliver(b *testing.B) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go sink(nc)
		}
	}()
	to := netip.MustParseAddrPort(l.Addr().String())
	n := newInternet(nil)
	n.addrs["mx.them.example"] = []netip.Addr{to.Addr()}
	n.domain("them.example", "10 mx.them.example")
	o := New(Options{Hostname: "us.example", Resolver: n, Port: to.Port()})
	defer o.Close()
	j := withContent(job("them.example", "bob"), strings.Repeat("A line as they are in mail, of some seventy characters and a few more.\r\n", 146))
	b.SetParallelism(16)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if a := o.Deliver(b.Context(), j); a[0].Event.Kind != mail.EventRelayed {
				b.Error(a)
			}
		}
	})
}
