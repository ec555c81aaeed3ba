package load

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// idler holds INBOX by its sequence numbers, and hears of changes in IDLE.
type idler struct {
	imapClient
	validity uint32
	list     []line // by number
}

// idleFor is how long an idler hears nothing before it makes sure of its connection.
const idleFor = time.Second

func (r *Run) idler(a, i int, account Account) {
	if len(r.targets.IMAP) == 0 {
		return
	}
	c := &idler{imapClient: r.imapClient("idle", a, i, account)}
	r.follow = append(r.follow, c)
	r.launch(&c.client, c.work)
}

func (c *idler) work(ctx context.Context) {
	for c.goesOn() {
		if c.conn == nil && c.begin(ctx) != nil {
			sleep(ctx, backoffMost/5)
			continue
		}
		err := c.idle(ctx)
		if err == nil {
			err = c.fetch()
		}
		if err != nil {
			c.failed("IDLE", err)
		} else {
			c.acknowledged()
		}
	}
}

// begin connects and reads all.
func (c *idler) begin(ctx context.Context) error {
	if err := c.connect(ctx, c.open); err != nil {
		return err
	}
	c.list = nil
	s, err := c.conn.Select(history.Inbox.String())
	if err == nil {
		c.validity = s.UIDValidity
		err = c.fetch()
	}
	if err != nil {
		c.failed("SELECT", err)
		c.quit() // a mailbox without its list is of no use
		return err
	}
	c.acknowledged()
	c.joins()
	return nil
}

// fetch reads the messages that the list does not have.
func (c *idler) fetch() error {
	for int(c.conn.Exists) > len(c.list) {
		had := len(c.list)
		if err := c.do(fmt.Sprintf("FETCH %d:%d (UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", had+1, c.conn.Exists)); err != nil {
			return err
		}
		if len(c.list) == had {
			return &imap.ProtocolError{Problem: "messages that EXISTS told of cannot be read", Got: fmt.Sprint(c.conn.Exists)}
		}
	}
	return nil
}

func (c *idler) do(command string) error { return c.conn.Do(command, c.apply) }

// idle waits for news.
func (c *idler) idle(ctx context.Context) error {
	if err := c.conn.StartIdle(); err != nil {
		return err
	}
	end := time.AfterFunc(idleFor, func() { c.conn.EndIdle() })
	defer end.Stop()
	stop := context.AfterFunc(ctx, func() { c.endIdle(end) })
	defer stop()
	for {
		r, err := c.conn.Next()
		if err != nil {
			return err
		}
		if r.Tag == imap.Tagged {
			if !r.Is("OK") {
				return &imap.StatusError{Command: "IDLE", Status: string(r.Kind), Text: string(r.Rest)}
			}
			return nil
		}
		if r.Is("BYE") {
			return &imap.StatusError{Command: "IDLE", Status: "BYE", Text: string(r.Rest)}
		}
		if err := c.apply(r); err != nil {
			return err
		}
		if int(c.conn.Exists) > len(c.list) {
			c.endIdle(end)
		}
	}
}

// endIdle ends IDLE now, if the timer has not done it.
func (c *idler) endIdle(end *time.Timer) {
	if end.Stop() {
		c.conn.EndIdle()
	}
}

// apply does to the list what a response says of it.
func (c *idler) apply(r imap.Response) error {
	n := int(r.Num)
	switch {
	case r.Is("EXPUNGE") && n >= 1 && n <= len(c.list):
		c.list = slices.Delete(c.list, n-1, n)
	case r.Is("FETCH") && n >= 1:
		l, err := readLine(r)
		if err != nil {
			return err
		}
		switch {
		case n <= len(c.list) && l.hasFlag:
			c.list[n-1].flags = l.flags
		case n == len(c.list)+1 && l.uid != 0:
			c.list = append(c.list, l)
			c.news(l)
		}
	}
	return nil
}

// news is a message that is new in the list.
func (c *idler) news(l line) {
	if t := token(l.header); c.run.mine(t) {
		k := history.Key{Account: c.account.Address, Message: t}
		c.run.recorder.Named(c.name, history.Inbox, c.validity, l.uid, k)
		c.noticed(k)
	}
}

// catchUp asks once more, in the session that it has.
func (c *idler) catchUp(ctx context.Context) {
	defer c.quit()
	replica := history.Replica{Client: c.name, Account: c.account.Address, Mailbox: history.Inbox.String(), Messages: map[uint32]history.Flags{}}
	var err error
	if c.conn != nil {
		if err = c.do("NOOP"); err == nil {
			err = c.fetch()
		}
	}
	if c.conn == nil || err != nil {
		err = again(ctx, c.begin)
	}
	if err != nil {
		replica.Failed = err.Error()
	}
	replica.UIDValidity = c.validity
	for _, l := range c.list {
		replica.Messages[l.uid] = l.flags
	}
	c.run.recorder.Replica(replica)
}
