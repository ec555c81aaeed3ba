package imap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Selected is what SELECT and EXAMINE tell of a mailbox; what the server did not
// say is zero.
type Selected struct {
	Exists, UIDValidity, UIDNext uint32
	HighestModSeq                uint64
}

// Select opens a mailbox for reading and writing.
func (c *Conn) Select(mailbox string) (Selected, error) { return c.open1("SELECT", mailbox) }

// Examine opens a mailbox for reading.
func (c *Conn) Examine(mailbox string) (Selected, error) { return c.open1("EXAMINE", mailbox) }

func (c *Conn) open1(command, mailbox string) (s Selected, err error) {
	c.Exists = 0
	seen := false
	err = c.Do(command+" "+Quote(mailbox), func(r Response) error {
		seen = seen || r.Is("EXISTS")
		return s.read(r)
	})
	s.Exists = c.Exists
	if err == nil && !seen {
		err = &ProtocolError{command + ": no EXISTS", mailbox}
	}
	return s, err
}

func (s *Selected) read(r Response) (err error) {
	if !r.Is("OK") {
		return nil
	}
	if v, ok := r.Code("UIDVALIDITY"); ok {
		s.UIDValidity, err = Number(v)
	} else if v, ok := r.Code("UIDNEXT"); ok {
		s.UIDNext, err = Number(v)
	} else if v, ok := r.Code("HIGHESTMODSEQ"); ok {
		s.HighestModSeq, err = strconv.ParseUint(string(v), 10, 63)
	}
	return err
}

// Status asks for numbers of a mailbox that need not be selected, such as
// "MESSAGES" and "UIDNEXT".
func (c *Conn) Status(mailbox string, items ...string) (map[string]uint64, error) {
	var got map[string]uint64
	err := c.Do("STATUS "+Quote(mailbox)+" ("+strings.Join(items, " ")+")", func(r Response) error {
		if !r.Is("STATUS") {
			return nil
		}
		n, err := skipValue(r.Rest) // the mailbox name
		if err != nil {
			return err
		}
		r.Rest = bytes.TrimSpace(r.Rest[n:])
		got = make(map[string]uint64)
		it := r.Items()
		for it.Next() {
			v, err := strconv.ParseUint(string(it.Value), 10, 64)
			if err != nil {
				return &ProtocolError{"STATUS: not a number", string(it.Value)}
			}
			got[strings.ToUpper(string(it.Name))] = v
		}
		return it.Err()
	})
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if _, ok := got[item]; !ok {
			return nil, fmt.Errorf("STATUS %s: the server did not tell %s", mailbox, item)
		}
	}
	return got, nil
}

// Search counts the messages that match; the result comes as SEARCH or ESEARCH.
func (c *Conn) Search(criteria string) (count int, err error) {
	answered := false
	err = c.Do("SEARCH "+criteria, func(r Response) error {
		switch {
		case r.Is("SEARCH"):
			answered = true
			count += len(bytes.Fields(r.Rest))
		case r.Is("ESEARCH"):
			answered = true
			n, err := countESEARCH(string(r.Rest))
			count += n
			return err
		}
		return nil
	})
	if err == nil && !answered {
		err = &ProtocolError{"SEARCH: no result", criteria}
	}
	return count, err
}

// countESEARCH counts "ALL 1:3,7" of RFC 9051 7.3.4; no ALL means no match.
func countESEARCH(rest string) (int, error) {
	fields := strings.Fields(rest)
	for i, field := range fields {
		if field == "ALL" && i+1 < len(fields) {
			return countSet(fields[i+1])
		}
	}
	return 0, nil
}

func countSet(set string) (int, error) {
	count := 0
	for part := range strings.SplitSeq(set, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		a, err := Number([]byte(low))
		if err != nil {
			return 0, err
		}
		b, err := Number([]byte(high))
		if err != nil {
			return 0, err
		}
		count += int(max(a, b)-min(a, b)) + 1
	}
	return count, nil
}

// StartIdle begins IDLE and returns when the server has agreed.
func (c *Conn) StartIdle() error {
	c.begin("IDLE\r\n")
	if err := c.flush(); err != nil {
		return err
	}
	for {
		r, err := c.Next()
		switch {
		case err != nil:
			return err
		case r.Tag == Continue:
			// Silence is what IDLE is for: who waits for news sets the limit.
			return c.nc.SetDeadline(time.Time{})
		case r.Tag == Tagged:
			return &StatusError{"IDLE", string(r.Kind), string(r.Rest)}
		}
	}
}

// EndIdle asks for the end of IDLE; the reader of Next gets the tagged answer.
func (c *Conn) EndIdle() error {
	c.deadline()
	_, err := c.nc.Write([]byte("DONE\r\n"))
	return err
}
