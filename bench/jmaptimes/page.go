package jmaptimes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/smtp"
	"github.com/mailmesh/mailmesh/jmap"
)

// PageOptions: the INBOX of an account that has none yet is filled, and its first page is read as a web client does.
type PageOptions struct {
	Server   Server
	Account  measure.Account
	Messages int
	Size     int
	Batch    int // messages in one APPEND
	Rounds   int
	Changes  int // messages that change while the client is away
	From     string
	Rest     func(context.Context) error // brings the server to rest once the mailbox is filled
}

// PageResult are times in milliseconds.
type PageResult struct {
	Page       Times // of a client that comes back: nothing has changed
	AfterNew   Times // the same after a new message
	Changes    Times // Email/changes of PageOptions.Changes messages
	FewChanges Times // of a tenth of them
}

// Times of some rounds.
type Times struct {
	Median  float64
	Samples []float64
}

func (t *Times) add(begin time.Time) {
	t.Samples = append(t.Samples, histogram.Millis(time.Since(begin)))
	t.Median = measure.Median(t.Samples)
}

const pageLength = 50

// listed are the properties that a list of messages shows.
var listed = []string{"id", "threadId", "mailboxIds", "keywords", "from", "to", "subject", "receivedAt", "size", "preview", "hasAttachment"}

type pageRun struct {
	PageOptions
	client           *jmap.Client
	account, mailbox jmap.ID
	smtp             *smtp.Conn
	gen              *message.Generator
	newest           string // Message-ID of the message that came last
	out              PageResult
}

// Page fills the mailbox and takes the times. Each page has the newest message first, 50 messages of as many threads, and their
// previews.
func Page(ctx context.Context, o PageOptions) (*PageResult, error) {
	gen, err := generator(o.Size)
	if err != nil {
		return nil, err
	}
	p := &pageRun{PageOptions: o, gen: gen}
	if err := p.fill(ctx); err != nil {
		return nil, err
	}
	if o.Rest != nil {
		if err := o.Rest(ctx); err != nil {
			return nil, err
		}
	}
	if p.client, err = o.Server.client(ctx, o.Account, 0); err != nil {
		return nil, err
	}
	if p.account, p.mailbox, err = inbox(ctx, p.client); err != nil {
		return nil, err
	}
	if p.smtp, err = smtp.Dial(ctx, o.Server.SMTP, smtp.Options{}); err != nil {
		return nil, err
	}
	defer p.smtp.Quit()
	for range o.Rounds {
		if err := p.round(ctx); err != nil {
			return nil, err
		}
	}
	return &p.out, nil
}

// generator makes messages of this size.
func generator(size int) (*message.Generator, error) {
	run := message.NewRun()
	return message.NewGenerator(message.TextFor(run, size), message.Options{Run: run, Size: size})
}

func (p *pageRun) fill(ctx context.Context) error {
	c, err := imap.Dial(ctx, p.Server.IMAP, imap.Options{Username: p.Account.Address, Password: p.Account.Password})
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	a := c.Appender("INBOX")
	for i := range p.Messages {
		m := p.gen.Next(p.From, p.Account.Address, "")
		if err := a.Add("", m.Header, m.Body, m.Tail); err != nil {
			return err
		}
		if (i+1)%p.Batch == 0 {
			if err := a.Flush(); err != nil {
				return err
			}
		}
	}
	return a.Flush()
}

func (p *pageRun) round(ctx context.Context) error {
	if err := p.arrive(); err != nil { // whatever the last round did is over
		return err
	}
	if err := p.page(ctx, new(Times)); err != nil {
		return err
	}
	if err := p.page(ctx, &p.out.Page); err != nil {
		return err
	}
	if err := p.arrive(); err != nil {
		return err
	}
	if err := p.page(ctx, &p.out.AfterNew); err != nil {
		return err
	}
	if err := p.away(ctx, p.Changes, &p.out.Changes); err != nil {
		return err
	}
	return p.away(ctx, p.Changes/10, &p.out.FewChanges)
}

// arrive sends one message to the account.
func (p *pageRun) arrive() error {
	m := p.gen.Next(p.From, p.Account.Address, "")
	o, err := p.smtp.Send(smtp.Mail{From: p.From, To: []string{p.Account.Address}, Content: [3][]byte{m.Header, m.Body, m.Tail}, Dots: m.Dots})
	if err == nil && o.Accepted() != 1 {
		err = fmt.Errorf("the mail was refused: %d %s", o.Replies[0].Code, o.Replies[0].Text)
	}
	p.newest = m.ID.String()
	return err
}

// page asks for the first page in one request.
func (p *pageRun) page(ctx context.Context, times *Times) error {
	var b jmap.Batch
	query := jmap.Add[jmap.QueryResponse](&b, "Email/query", jmap.Query{
		AccountID: p.account, Filter: jmap.EmailFilter{InMailbox: p.mailbox},
		Sort: []jmap.Sort{{Property: "receivedAt", Ascending: jmap.Some(false)}}, Limit: jmap.Some(pageLength),
		CollapseThreads: true, CalculateTotal: true,
	})
	get := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{
		AccountID: p.account, IDsOf: query.Ref("/ids"), Properties: append(listed, "messageId"),
	})
	begin := time.Now()
	if err := p.client.Do(ctx, &b); err != nil {
		return err
	}
	times.add(begin)
	switch {
	case query.Err != nil:
		return query.Err
	case get.Err != nil:
		return get.Err
	case len(get.Value.List) != pageLength || query.Value.Total == nil || *query.Value.Total < p.Messages:
		return fmt.Errorf("the first page has %d messages of %v, want %d of %d", len(get.Value.List), query.Value.Total, pageLength, p.Messages)
	case get.Value.List[0].Preview == "":
		return fmt.Errorf("%s has no preview", get.Value.List[0].ID)
	case p.newest != "" && !slices.Contains(get.Value.List[0].MessageID, p.newest):
		return fmt.Errorf("the first message is %q, want %q", get.Value.List[0].MessageID, p.newest)
	}
	return nil
}

// away lets n messages change, and asks which.
func (p *pageRun) away(ctx context.Context, n int, times *Times) error {
	ids, err := jmap.Call[jmap.QueryResponse](ctx, p.client, "Email/query", jmap.Query{
		AccountID: p.account, Filter: jmap.EmailFilter{InMailbox: p.mailbox}, Limit: jmap.Some(n),
	})
	if err != nil {
		return err
	}
	state, err := p.change(ctx, ids.IDs)
	if err != nil {
		return err
	}
	begin := time.Now()
	got, err := jmap.Call[jmap.ChangesResponse](ctx, p.client, "Email/changes", jmap.Changes{AccountID: p.account, SinceState: state})
	if err != nil {
		return err
	}
	times.add(begin)
	if len(got.Updated) != len(ids.IDs) || got.HasMoreChanges {
		return fmt.Errorf("%d emails have changed (more: %v), want %d", len(got.Updated), got.HasMoreChanges, len(ids.IDs))
	}
	return nil
}

// change gives the messages another keyword and returns the state before.
func (p *pageRun) change(ctx context.Context, ids []jmap.ID) (before string, err error) {
	key := fmt.Sprintf("keywords/k%d", len(p.out.Changes.Samples)+len(p.out.FewChanges.Samples))
	for part := range slices.Chunk(ids, 100) {
		update := map[jmap.ID]jmap.Patch{}
		for _, id := range part {
			update[id] = jmap.Patch{key: true}
		}
		got, err := jmap.Call[jmap.SetResponse[jmap.Email]](ctx, p.client, "Email/set", jmap.Set{AccountID: p.account, Update: update})
		if err == nil {
			err = got.Err()
		}
		if err != nil {
			return "", err
		}
		if before == "" {
			before = got.OldState
		}
	}
	return before, nil
}
