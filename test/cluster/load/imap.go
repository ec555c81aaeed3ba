package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// imapClient is a client with an IMAP connection, nil between two of them.
type imapClient struct {
	client
	account Account
	conn    *imap.Conn
}

func (r *Run) imapClient(kind string, a, i int, account Account) imapClient {
	return imapClient{client: r.newClient(kind, a, i, r.targets.IMAP), account: account}
}

// open connects and signs in.
func (c *imapClient) open(ctx context.Context, address string) (err error) {
	c.conn, err = dialIMAP(ctx, address, c.account, c.run.plan)
	return err
}

func dialIMAP(ctx context.Context, address string, a Account, p Plan) (*imap.Conn, error) {
	return imap.Dial(ctx, address, imap.Options{
		Options: dial.Options{Timeout: p.Patience}, Username: a.Address, Password: a.Password, Lean: true,
	})
}

// quit says goodbye.
func (c *imapClient) quit() {
	if c.conn != nil {
		c.conn.Logout()
		c.conn = nil
	}
}

// failed looks at the error of a command: what it means for the operation, and for the connection, which is given up unless the
// command was refused for good.
func (c *imapClient) failed(doing string, err error) history.Outcome {
	c.run.reason(c.name, doing, err)
	outcome := history.Unknown
	var status *imap.StatusError
	if errors.As(err, &status) && status.Status != "BYE" {
		if outcome = history.Refused; !hasCode(status, "UNAVAILABLE", "INUSE", "SERVERBUG") {
			return outcome
		}
		outcome = history.Deferred
	}
	c.conn.Close()
	c.conn = nil
	c.leave()
	return outcome
}

// hasCode says whether an answer has one of the response codes.
func hasCode(e *imap.StatusError, codes ...string) bool {
	for _, code := range codes {
		if strings.HasPrefix(e.Text, "["+code+"]") {
			return true
		}
	}
	return false
}

// numbers reads the numbers of a response code such as "COPYUID 7 3 12".
func numbers(value []byte) (n []uint32) {
	for _, field := range bytes.Fields(value) {
		v, err := strconv.ParseUint(string(field), 10, 32)
		if err != nil {
			return nil
		}
		n = append(n, uint32(v))
	}
	return n
}

// line is what a FETCH told of one message.
type line struct {
	uid     uint32
	flags   history.Flags
	hasFlag bool // it told of flags at all
	deleted bool
	size    int64
	header  []byte // or the whole message
}

// readLine reads a FETCH response.
func readLine(r imap.Response) (l line, err error) {
	it := r.Items()
	for it.Next() && err == nil {
		switch name := string(it.Name); {
		case name == "UID":
			l.uid, err = imap.Number(it.Value)
		case name == "FLAGS":
			l.hasFlag = true
			l.flags, l.deleted = readFlags(it.Value)
		case name == "RFC822.SIZE":
			l.size, err = strconv.ParseInt(string(it.Value), 10, 64)
		case strings.HasPrefix(name, "BODY["):
			var text []byte
			text, err = imap.Text(it.Value)
			l.header = bytes.Clone(text)
		}
	}
	return l, errors.Join(err, it.Err())
}

func readFlags(value []byte) (f history.Flags, deleted bool) {
	for name := range strings.FieldsSeq(strings.Trim(string(value), "()")) {
		f |= history.Flag(name)
		deleted = deleted || strings.EqualFold(name, `\Deleted`)
	}
	return f, deleted
}

// token is what names the message of a load in its header, "" in another message.
func token(header []byte) string {
	if id, ok := message.FindID(header); ok {
		return id.String()
	}
	return ""
}

// lines sends a FETCH and hands on each response that tells of a UID.
func lines(c *imap.Conn, command string, on func(line)) error {
	return c.Do(command, func(r imap.Response) error {
		if !r.Is("FETCH") {
			return nil
		}
		l, err := readLine(r)
		if err == nil && l.uid != 0 {
			on(l)
		}
		return err
	})
}

// prepare makes the mailboxes that the load uses.
func prepare(ctx context.Context, t Targets, p Plan) error {
	if len(t.IMAP) == 0 {
		return nil
	}
	for _, a := range t.Accounts {
		c, err := dialIMAP(ctx, t.IMAP[0], a, p)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", a.Address, err)
		}
		for _, place := range []history.Place{history.Archive, history.Copies} {
			var status *imap.StatusError
			err := c.Do("CREATE "+place.String(), nil)
			if err != nil && !(errors.As(err, &status) && hasCode(status, "ALREADYEXISTS")) {
				c.Close()
				return fmt.Errorf("prepare %s: %w", a.Address, err)
			}
		}
		c.Logout()
	}
	return nil
}
