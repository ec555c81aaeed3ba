package emails

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type getArgs struct {
	method.GetArgs
	bodyArgs
}

// get is Email/get (RFC 8621 4.2).
func (e *Emails) get(ctx context.Context, c *method.Call) (any, error) {
	var args getArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	p, err := planOf(args.Properties, defaultProperties, args.bodyArgs)
	if err != nil {
		return nil, err
	}
	g := getting{e: e, work: c.Work, access: access, plan: p, left: c.Room(), sources: map[mail.EmailID]*source{}}
	asked, ids, err := askedIDs(args.IDs)
	if err != nil {
		return nil, err
	}
	if err := e.o.Tx.Read(ctx, func(t *tx.Tx) (err error) { return g.rows(t, ids, args.IDs == nil) }); err != nil {
		return nil, err
	}
	if asked == nil {
		asked = g.all
	}
	r := method.GetResponse{AccountID: args.AccountID, State: g.state.String(), NotFound: []string{}}
	r.List, r.NotFound, err = g.answer(ctx, asked)
	return r, err
}

// askedIDs reads the ids of emails that were asked for, each once. What can be no id is in asked alone.
func askedIDs(list *[]string) (asked []string, ids []mail.EmailID, err error) {
	if list == nil {
		return nil, nil, nil
	}
	asked = method.Unique(*list)
	if err := method.CheckGet(len(asked)); err != nil {
		return nil, nil, err
	}
	for _, text := range asked {
		if id, err := mail.ParseEmailID(text); err == nil {
			ids = append(ids, id)
		}
	}
	return asked, ids, nil
}

// getting is one Email/get.
type getting struct {
	e       *Emails
	work    func(bytes int64) error // method.Call.Work
	access  method.Access
	plan    *plan
	left    int
	state   states.State
	all     []string // the ids of all emails, where all were asked for
	sources map[mail.EmailID]*source
}

// rows reads the rows of the emails that the user sees.
func (g *getting) rows(t *tx.Tx, ids []mail.EmailID, all bool) (err error) {
	if g.state, err = states.Of(t, g.access.Owner, states.Email); err != nil {
		return err
	}
	if all {
		if ids, err = g.e.o.Mailbox.EmailIDs(t, g.access.Owner, method.MaxObjectsInGet+1); err != nil {
			return err
		}
		if err := method.CheckGet(len(ids)); err != nil {
			return err
		}
	}
	clear(g.sources)
	g.all = nil
	seen, err := sight.Of(t, g.e.o.Mailbox, g.access)
	if err != nil {
		return err
	}
	err = g.e.o.Mailbox.Located(t, g.access.Owner, ids, func(l *mailbox.Located) {
		if !seen.Sees(l.Mailbox, l.Flags.Bits) {
			return
		}
		s := g.sources[l.Email]
		if s == nil {
			s = &source{left: &g.left, flags: l.Flags}
			g.sources[l.Email] = s
		}
		s.places = append(s.places, l.Mailbox)
	})
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id mail.EmailID) bool { return g.sources[id] == nil })
	if all {
		for _, id := range ids {
			g.all = append(g.all, id.String())
		}
	}
	slices.Sort(ids) // as they lie in the table
	return g.e.o.Mailbox.Summaries(t, g.access.Owner, ids, func(row *mailbox.Email) bool {
		s := g.sources[row.ID]
		s.email = *row
		s.email.Summary = bytes.Clone(row.Summary)
		s.blob = method.BlobRef{Blob: row.Blob}.In(g.access, row.ID)
		return true
	})
}

// sizeOfObject is about how long what a list shows of an email is.
const sizeOfObject = 768

// answer writes the objects, in the order they were asked for.
func (g *getting) answer(ctx context.Context, asked []string) (list ijson.Value, notFound []string, err error) {
	open, err := g.prepare(ctx)
	if err != nil {
		return nil, nil, err
	}
	list, notFound = append(make(ijson.Value, 0, len(g.sources)*sizeOfObject), '['), []string{}
	for _, text := range asked {
		id, _ := mail.ParseEmailID(text)
		s := g.sources[id]
		if s == nil {
			notFound = append(notFound, text)
			continue
		}
		begin := len(list)
		if begin > 1 {
			list = append(list, ',')
		}
		list, err = g.object(ctx, list, s, open)
		if mail.Is(err, mail.NotFound) {
			if err = g.destroyedMeanwhile(ctx, id, err); err == nil {
				list, notFound = list[:begin], append(notFound, text)
				continue
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return append(list, ']'), notFound, nil
}

// destroyedMeanwhile is called where a body was not there. It returns nil if the email is gone too, and a fault of ours if not.
func (g *getting) destroyedMeanwhile(ctx context.Context, id mail.EmailID, cause error) error {
	err := g.e.o.Tx.Read(ctx, func(t *tx.Tx) error {
		_, err := g.e.o.Mailbox.Email(t, g.access.Owner, id)
		return err
	})
	switch {
	case mail.Is(err, mail.NotFound):
		return nil
	case err == nil:
		err = mail.E("emails.get", mail.Other, fmt.Errorf("the body of %v is not there: %v", id, cause))
	}
	return err
}

// prepare reads what the rows tell, and finds the bodies of the emails that need theirs.
func (g *getting) prepare(ctx context.Context) (opener, error) {
	var blobs []mail.BlobID
	for _, s := range g.sources {
		more, err := s.unmarshal(g.plan)
		if err != nil {
			return nil, err
		}
		if more || g.plan.needs&needsContent != 0 {
			blobs = append(blobs, s.email.Blob)
		}
	}
	if len(blobs) == 0 {
		return nil, nil
	}
	return g.e.find(ctx, g.access.Owner, blobs)
}

// unmarshal reads what the plan needs of the summary. more says that only the content has the fields.
func (s *source) unmarshal(p *plan) (more bool, err error) {
	if p.needs&needsInfo != 0 {
		if s.info, err = message.UnmarshalInfo(s.email.Summary); err != nil {
			return false, err
		}
	}
	if p.needs&needsFields != 0 {
		if block, ok := p.fields.Append(nil, s.email.Summary); ok {
			s.fields = fieldsOf(block)
		} else {
			more = true
		}
	}
	if more || p.needs&needsStructure != 0 {
		s.root, err = message.UnmarshalStructure(s.email.Summary)
	}
	s.more = more
	return more, err
}

// object writes one object. The body is opened when it is read first, and closed in the end.
func (g *getting) object(ctx context.Context, dst []byte, s *source, open opener) ([]byte, error) {
	content := &lazy{ctx: ctx, work: g.work, open: func() (content, error) { return open(ctx, s.email.Blob) }}
	defer content.close()
	s.content = content
	if s.more {
		block, err := s.root.ReadHeader(content, MaxHeader)
		if err != nil {
			return dst, err
		}
		s.fields = fieldsOf(block)
	}
	dst, err := s.object(dst, g.plan)
	// What was read of it is in the object; the rest is not needed again.
	delete(g.sources, s.email.ID)
	return dst, err
}

// lazy is a body that is opened when it is read. Reading it is work that is counted, since the size of a part that is encoded takes all
// of it, and ends with the request.
type lazy struct {
	ctx  context.Context
	work func(bytes int64) error
	open func() (content, error)
	body content
}

func (l *lazy) ReadAt(p []byte, off int64) (n int, err error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if err := l.work(int64(len(p))); err != nil {
		return 0, err
	}
	if l.body == nil {
		if l.body, err = l.open(); err != nil {
			return 0, err
		}
	}
	return l.body.ReadAt(p, off)
}

func (l *lazy) close() {
	if l.body != nil {
		l.body.Close()
	}
}
