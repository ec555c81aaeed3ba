package jmapserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// bubble serves a door by HTTP/1.1 with the time-outs of webserver, under a fake clock.
func bubble(t *testing.T, test func(t *testing.T, d *door, c net.Conn)) {
	doortest.Bubble(t, func(t *testing.T) {
		d, pipes := open(t), listentest.NewPipes()
		server := &http.Server{Handler: d.server, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute}
		done := make(chan struct{})
		go func() { server.Serve(pipes); close(done) }()
		c, err := pipes.Dial("192.0.2.1:4711")
		d.Must(err)
		test(t, d, c)
		c.Close()
		server.Close()
		<-done
	})
}

func head(verb, path string, length int) string {
	r := request(verb, path, "")
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", verb, path, r.Header.Get("Authorization"), length)
}

// answerOf reads an answer.
func answerOf(t *testing.T, c net.Conn) (status, body string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.Status, string(text)
}

// A call may take longer than the door gives requests to come: what it does is not cut off.
func TestLongCall(t *testing.T) {
	bubble(t, func(t *testing.T, d *door, c net.Conn) {
		d.wait = func() { time.Sleep(50 * time.Second) }
		const waiting = `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Test/wait",{},"c"]]}`
		fmt.Fprint(c, head("POST", "/jmap/api", len(waiting))+waiting)
		if status, body := answerOf(t, c); !strings.HasPrefix(body, `{"methodResponses":[["Test/wait",{},"c"]]`) {
			t.Errorf("%s %s", status, body)
		}
	})
}

// When the time of a request is over, the calls that are left are answered that they were not carried out: those before were.
func TestLateCalls(t *testing.T) {
	bubble(t, func(t *testing.T, d *door, c net.Conn) {
		d.wait = func() { time.Sleep(61 * time.Second) }
		const waiting = `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},"b"],["Test/wait",{},"c"],["Core/echo",{},"d"]]}`
		fmt.Fprint(c, head("POST", "/jmap/api", len(waiting))+waiting)
		const late = `["error",{"type":"serverUnavailable","description":"the request has taken too long: ask for less at a time"},`
		if status, body := answerOf(t, c); !strings.HasPrefix(body, `{"methodResponses":[["Core/echo",{},"b"],`+late+`"c"],`+late+`"d"]]`) {
			t.Errorf("%s %s", status, body)
		}
	})
}

// Who has sent slowly is told what is wrong with it, too.
func TestSlowRefusal(t *testing.T) {
	bubble(t, func(t *testing.T, _ *door, c net.Conn) {
		fmt.Fprint(c, head("POST", "/jmap/api", 10))
		for range 10 {
			time.Sleep(20 * time.Second)
			fmt.Fprint(c, "x")
		}
		if status, body := answerOf(t, c); !strings.HasPrefix(status, "400") {
			t.Errorf("%s %s", status, body)
		}
	})
}

// A client that sends slowly is waited for, as long as it sends; one that stops is not.
func TestSlowUpload(t *testing.T) {
	bubble(t, func(t *testing.T, _ *door, c net.Conn) {
		fmt.Fprint(c, head("POST", upAnn, 10))
		for i := range 10 {
			time.Sleep(20 * time.Second)
			fmt.Fprint(c, i)
		}
		if status, body := answerOf(t, c); !strings.HasPrefix(status, "201") {
			t.Errorf("%s %s", status, body)
		}
	})
	bubble(t, func(t *testing.T, _ *door, c net.Conn) {
		fmt.Fprint(c, head("POST", upAnn, 10)+"12345")
		begun := time.Now()
		if status, body := answerOf(t, c); strings.HasPrefix(status, "2") {
			t.Errorf("half an upload: %s %s", status, body)
		}
		doortest.Within(t, begun, 30*time.Second)
	})
}

// A client that takes slowly is waited for, as long as it takes.
func TestSlowDownload(t *testing.T) {
	bubble(t, func(t *testing.T, d *door, c net.Conn) {
		id := d.upload(strings.Repeat("x", maxUpload))
		fmt.Fprint(c, head("GET", "/jmap/download/"+doortest.Ann.String()+"/"+id+"/x", 0))
		got, buf := 0, make([]byte, 16<<10)
		for got < maxUpload {
			time.Sleep(5 * time.Second)
			n, err := c.Read(buf)
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += n
		}
	})
}
