package queries

import (
	"context"
	"io"
	"slices"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// snippet is a SearchSnippet (RFC 8621 5).
type snippet struct {
	EmailID string  `json:"emailId"`
	Subject *string `json:"subject"`
	Preview *string `json:"preview"`
}

type snippetArgs struct {
	AccountID string      `json:"accountId"`
	Filter    ijson.Value `json:"filter"`
	EmailIDs  []string    `json:"emailIds"`
}

type snippetResponse struct {
	AccountID string    `json:"accountId"`
	List      []snippet `json:"list"`
	NotFound  *[]string `json:"notFound"` // null where all were found
}

func (q *Queries) snippets(ctx context.Context, c *method.Call) (any, error) {
	var args snippetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if args.EmailIDs == nil {
		return nil, method.Fail(method.InvalidArguments, "emailIds is an array of ids")
	}
	if err := method.CheckGet(len(args.EmailIDs)); err != nil {
		return nil, err
	}
	a, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	f, err := parseFilter(args.Filter)
	if err != nil {
		return nil, err
	}
	v, err := q.view(ctx, a)
	if err != nil {
		return nil, err
	}
	out := &snippetResponse{AccountID: args.AccountID, List: []snippet{}}
	ids, missing := v.seen(args.EmailIDs)
	s := snipping{Queries: q, view: v, effort: effort(ctx), inSubject: f.words(search.Anywhere, search.Subject), inBody: f.words(search.Anywhere, search.Body)}
	for batch := range slices.Chunk(ids, finding.BatchSize) {
		gone, err := s.batch(ctx, batch, out)
		if err != nil {
			return nil, err
		}
		missing = append(missing, gone...)
	}
	if len(missing) > 0 {
		out.NotFound = &missing
	}
	return out, nil
}

// seen tells ids of emails that the user sees, each once, from others.
func (v *view) seen(texts []string) (ids []mail.EmailID, missing []string) {
	for _, text := range texts {
		id, err := mail.ParseEmailID(text)
		slot, there := v.Find(id)
		switch {
		case err != nil, !there, !v.sees(v.Entry(slot)):
			missing = append(missing, text)
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, missing
}

// words are what a filter looks for in some fields, in the form for comparing.
func (f *filter) words(in ...search.Field) (words []string) {
	for _, text := range f.texts {
		if word := casemap.Fold(oneLine(text.Value)); slices.Contains(in, text.In) && word != "" {
			words = append(words, word)
		}
	}
	return words
}

// snipping makes snippets.
type snipping struct {
	*Queries
	*view
	effort            *finding.Effort
	inSubject, inBody []string
}

func (s *snipping) batch(ctx context.Context, ids []mail.EmailID, out *snippetResponse) (gone []string, err error) {
	var rows finding.Rows
	for len(ids) > 0 {
		n, err := s.o.Finder.Rows(ctx, s.access.Owner, ids, &rows)
		if err != nil {
			return nil, err
		}
		for i, id := range ids[:n] {
			row := rows.Of(i)
			if row == nil {
				gone = append(gone, id.String())
				continue
			}
			one, err := s.one(ctx, row)
			if err != nil {
				return nil, err
			}
			out.List = append(out.List, one)
		}
		ids = ids[n:]
	}
	return gone, nil
}

// one makes the snippet of an email. Where its content is gone meanwhile, it has no preview.
func (s *snipping) one(ctx context.Context, row *mailbox.Email) (snippet, error) {
	out := snippet{EmailID: row.ID.String()}
	if len(s.inSubject) > 0 {
		envelope, err := message.UnmarshalEnvelope(row.Summary)
		if err != nil {
			return out, err
		}
		if m := findIn(header.DecodeWords(envelope.Subject), s.inSubject); len(m.spots) > 0 {
			out.Subject = new(m.html())
		}
	}
	if len(s.inBody) == 0 {
		return out, nil
	}
	text, err := s.body(ctx, row)
	if err != nil && !mail.Is(err, mail.NotFound) {
		return out, err
	}
	if m := findIn(text, s.inBody); len(m.spots) > 0 {
		out.Preview = new(m.preview())
	}
	return out, nil
}

// body reads the text of an email, in turn with the account's searches.
func (s *snipping) body(ctx context.Context, row *mailbox.Email) (string, error) {
	end, err := s.o.Finder.Turn(ctx, s.access.Who)
	if err != nil {
		return "", err
	}
	defer end()
	root, err := message.UnmarshalStructure(row.Summary)
	if err != nil {
		return "", err
	}
	content, err := s.o.Bodies.Open(ctx, s.access.Owner, row.Blob)
	if err != nil {
		return "", err
	}
	defer content.Close() // reading is over: there is nothing an error could spoil
	text, err := io.ReadAll(io.LimitReader(root.BodyText(content), snippetBytes))
	if err == nil {
		err = s.effort.Spend(int64(len(text)))
	}
	return string(text), err
}
