package pushing

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// manyClients makes the test binary the client's side of BenchmarkManyClients: what it uses is not the server's.
const manyClients = "PUSHING_MANY_CLIENTS"

func TestMain(m *testing.M) {
	if at := os.Getenv(manyClients); at != "" {
		if err := dialMany(at, os.Getenv(manyClients+"_COUNT")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// dialMany connects that many clients over TLS, each of an account of its own, that want to hear of all types; then it waits for its end.
func dialMany(at, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	hello := frame(`{"@type":"WebSocketPushEnable","dataTypes":null}`)
	for i := range n {
		c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		fmt.Fprintf(c, "GET /many HTTP/1.1\r\nHost: x\r\nAccount: %d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Protocol: jmap\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n%s", 1000+i, hello)
		go drain(c)
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n') // until the benchmark ends
	return fmt.Errorf("over")
}

func drain(c net.Conn) {
	b := make([]byte, 512)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// frame is a text frame with the mask 0 (RFC 6455 5.2), of less than 126 bytes.
func frame(text string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0x81, 0x80 | byte(len(text))}, 0)) + text
}

// BenchmarkManyClients holds 10,000 clients over TLS, each of an account of its own, and times a change of one account until it
// is written to the one client that is to hear of it.
func BenchmarkManyClients(b *testing.B) {
	const clients = 10_000
	w := start(b)
	told := make(chan time.Duration, clients)
	w.pushing.o.Observe = toldObserver(told)
	w.addAccounts(clients)
	w.http.Config.Handler.(*http.ServeMux).HandleFunc("/many", func(rw http.ResponseWriter, r *http.Request) {
		account, _ := strconv.Atoi(r.Header.Get("Account"))
		w.pushing.WebSocket(rw, r, &method.User{Account: mail.AccountID(account), Scope: method.All})
	})
	before := inUse()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), manyClients+"="+w.http.Listener.Addr().String(), manyClients+"_COUNT="+strconv.Itoa(clients))
	stdin, err := c.StdinPipe()
	w.Must(err)
	stdout, err := c.StdoutPipe()
	w.Must(err)
	w.Must(c.Start())
	defer c.Wait()
	defer stdin.Close()
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		b.Fatalf("the clients say %q", line)
	}
	w.untilAllListen(clients)
	each := float64(inUse()-before) / clients / 1024
	var sum time.Duration
	n := 0
	for b.Loop() {
		w.change(mail.AccountID(1000+n%clients), tx.KindEmail)
		sum += <-told
		n++
	}
	if len(told) != 0 {
		b.Errorf("%d clients were told of changes of others", len(told))
	}
	b.ReportMetric(each, "KiB/client")
	b.ReportMetric(float64(sum.Microseconds())/float64(n), "µs/push")
}

// inUse is the memory that the process uses for what it holds.
func inUse() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

func (w *world) addAccounts(n int) {
	w.T.Helper()
	for from := 0; from < n; from += 500 {
		w.Must(w.Tx.Write(context.Background(), nil, func(t *tx.Tx) error {
			for i := from; i < from+500; i++ {
				if err := w.Directory.AddHome(t, mail.AccountID(1000+i), make([]byte, 60), directory.Quota{}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// untilAllListen waits until that many clients are told of changes.
func (w *world) untilAllListen(n int) {
	for ready := 0; ready < n; runtime.Gosched() {
		ready = 0
		w.pushing.mu.Lock()
		for c := range w.pushing.clients {
			c.mu.Lock()
			if c.types != 0 {
				ready++
			}
			c.mu.Unlock()
		}
		w.pushing.mu.Unlock()
	}
}

type toldObserver chan time.Duration

func (toldObserver) Connected(string)                 {}
func (toldObserver) Disconnected(string)              {}
func (o toldObserver) Sent(_ string, d time.Duration) { o <- d }
