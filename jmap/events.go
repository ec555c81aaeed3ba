package jmap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Listening says what Listen is to hear.
type Listening struct {
	Types       []string      // of objects whose changes are told; none: all
	Ping        time.Duration // how often the server shows that it is there; 0: never
	LastEventID string        // of the connection before: the server begins with what came since
	CloseAfter  string        // "state": the server closes after the first change
}

// Event is one event of a stream.
type Event struct {
	ID     string
	Name   string // state, ping ...
	Pushed Pushed // but for pings
}

// Listen hears what the server pushes (RFC 8620 7.3) and calls each until it fails, ctx ends or the server closes the stream,
// for which the error is io.EOF.
func (c *Client) Listen(ctx context.Context, l Listening, each func(Event) error) error {
	types := "*"
	if len(l.Types) > 0 {
		types = strings.Join(l.Types, ",")
	}
	after := l.CloseAfter
	if after == "" {
		after = "no"
	}
	at := expand(c.Session.EventSourceURL, map[string]string{
		"types": types, "closeafter": after, "ping": strconv.Itoa(int(l.Ping / time.Second)),
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	if l.LastEventID != "" {
		req.Header.Set("Last-Event-ID", l.LastEventID)
	}
	if c.credential != nil {
		c.credential(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return requestError(res)
	}
	return readEvents(res.Body, int(c.limit()), each)
}

// readEvents reads a stream of events as the HTML standard defines it (9.2.6).
func readEvents(r io.Reader, limit int, each func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, limit)
	var e Event
	var data []string
	for lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimSuffix(lines.Text(), "\r"), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			data = append(data, value)
		case "":
			if lines.Text() != "" && lines.Text() != "\r" {
				continue // a comment
			}
			if len(data) > 0 {
				if err := deliver(e, strings.Join(data, "\n"), each); err != nil {
					return err
				}
			}
			e, data = Event{ID: e.ID}, nil
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return fmt.Errorf("an event is longer than %d bytes", limit)
		}
		return err
	}
	return io.EOF
}

func deliver(e Event, data string, each func(Event) error) (err error) {
	if e.Name != "ping" {
		if e.Pushed, err = parsePushed([]byte(data)); err != nil {
			return fmt.Errorf("an event of the type %q cannot be read: %w", e.Name, err)
		}
	}
	return each(e)
}
