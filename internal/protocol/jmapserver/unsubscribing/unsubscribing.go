package unsubscribing

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/rfc/unsubscribe"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is ours; docs/jmap-mail.md describes it.
const Capability = "https://mailmesh.org/jmap/unsubscribe"

// Limits; the package comment explains them.
const (
	MaxGet   = 20
	MaxSends = 60
	lookTime = 10 * time.Second
	sendTime = 30 * time.Second
)

// Errors of Unsubscribe/send.
const (
	NoOneClick method.ErrorType = "noOneClick"        // the message does not offer it, or is not signed as it must be
	Failed     method.ErrorType = "unsubscribeFailed" // the list's server has not done it
)

// Options says what the methods stand on.
type Options struct {
	Tx      *tx.Store
	Mailbox *mailbox.Store
	Bodies  *bodies.Store
	Lookup  dkim.Lookup
	Fetch   *fetch.Client
	Now     func() time.Time // nil: time.Now
}

// Unsubscribing are the methods.
type Unsubscribing struct {
	o     Options
	sends *budget
}

// New makes them.
func New(o Options) *Unsubscribing {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Unsubscribing{o, newBudget(o.Now)}
}

// Register adds the methods to those of a server.
func (u *Unsubscribing) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, _ *method.User, a method.Access) any {
		if !a.Own() {
			return nil
		}
		return struct{}{}
	})
	r.Add("Unsubscribe/get", method.Method{Capability: Capability, Needs: method.Read, Run: u.get})
	r.Add("Unsubscribe/send", method.Method{Capability: Capability, Needs: method.Write, Run: u.send})
}

// offer is what an email says.
type offer struct {
	ID       string  `json:"id"`
	OneClick bool    `json:"oneClick"`
	Page     *string `json:"page"`
	Mail     *string `json:"mail"`
	post     string
	why      string // there is no one click
}

type getResponse struct {
	AccountID string   `json:"accountId"`
	List      []offer  `json:"list"`
	NotFound  []string `json:"notFound"`
}

// get is Unsubscribe/get.
func (u *Unsubscribing) get(ctx context.Context, c *method.Call) (any, error) {
	var args struct {
		AccountID string   `json:"accountId"`
		IDs       []string `json:"ids"`
	}
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	asked := method.Unique(args.IDs)
	if len(asked) > MaxGet {
		return nil, method.Fail(method.RequestTooLarge, "at most %d ids can be asked for", MaxGet)
	}
	out := getResponse{AccountID: args.AccountID, List: []offer{}, NotFound: []string{}}
	for _, id := range asked {
		o, err := u.offer(ctx, c, account, id)
		switch {
		case mail.Is(err, mail.NotFound):
			out.NotFound = append(out.NotFound, id)
		case err != nil:
			return nil, err
		default:
			out.List = append(out.List, o)
		}
	}
	return out, nil
}

// offer reads an email, and checks its signatures where they decide something.
func (u *Unsubscribing) offer(ctx context.Context, c *method.Call, account mail.AccountID, id string) (o offer, err error) {
	body, err := u.open(ctx, account, id)
	if err != nil {
		return o, err
	}
	defer body.Close()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	block, err := dkim.ReadHeader(io.NewSectionReader(body, 0, body.Size()))
	if err != nil {
		return offer{ID: id, why: "its header cannot be read"}, nil
	}
	ways := unsubscribe.Read(block)
	o = offer{ID: id, Page: orNull(ways.Page), Mail: orNull(ways.Mail), post: ways.Post}
	switch {
	case ways.Post == "":
		o.why = "the message does not offer it (RFC 8058 3.1)"
	case fetch.Check(ways.Post, false) != nil:
		o.why = "the place that it names cannot be posted to"
	default:
		if err := c.Work(body.Size()); err != nil {
			return o, err
		}
		signatures, _, err := dkim.Verify(ctx, io.NewSectionReader(body, 0, body.Size()), u.o.Lookup)
		if err != nil {
			return o, mail.E("unsubscribing", mail.Unavailable, err)
		}
		o.OneClick, o.why = covered(signatures, block)
	}
	return o, nil
}

// covered reports whether a valid signature covers both fields (RFC 8058 4).
func covered(signatures []dkim.Signature, block []byte) (ok bool, why string) {
	why = "it has no DKIM signature that covers what says so (RFC 8058 4)"
	for _, s := range signatures {
		if !s.Covers(block, unsubscribe.Field) || !s.Covers(block, unsubscribe.PostField) {
			continue
		}
		switch s.Result {
		case dkim.Pass:
			return true, ""
		case dkim.TempError:
			why = "its DKIM signature cannot be checked now: try again later"
		default:
			why = "its DKIM signature is not valid, or no longer"
		}
	}
	return false, why
}

// open opens an email that its owner sees.
func (u *Unsubscribing) open(ctx context.Context, account mail.AccountID, text string) (blob.Reader, error) {
	id, err := mail.ParseEmailID(text)
	if err != nil {
		return nil, mail.E("unsubscribing", mail.NotFound, err)
	}
	var row mailbox.Email
	err = u.o.Tx.Read(ctx, func(t *tx.Tx) error {
		seen, err := sight.Of(t, u.o.Mailbox, method.Access{Owner: account, Who: account})
		if err != nil {
			return err
		}
		visible := false
		err = u.o.Mailbox.Located(t, account, []mail.EmailID{id}, func(l *mailbox.Located) {
			visible = visible || seen.Sees(l.Mailbox, l.Flags.Bits)
		})
		if err == nil && !visible {
			err = mail.E("unsubscribing", mail.NotFound, nil)
		}
		if err == nil {
			row, err = u.o.Mailbox.Email(t, account, id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return u.o.Bodies.Open(ctx, account, row.Blob)
}

// send is Unsubscribe/send.
func (u *Unsubscribing) send(ctx context.Context, c *method.Call) (any, error) {
	var args struct {
		AccountID string `json:"accountId"`
		ID        string `json:"id"`
	}
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	o, err := u.offer(ctx, c, account, args.ID)
	switch {
	case mail.Is(err, mail.NotFound):
		return nil, method.Fail(method.NotFound, "there is no email %.100q", args.ID)
	case err != nil:
		return nil, err
	case !o.OneClick:
		return nil, method.Fail(NoOneClick, "this list cannot be left with one click: %s", o.why)
	case !u.sends.take(account):
		return nil, method.Fail(method.RateLimit, "at most %d lists an hour can be left", MaxSends)
	}
	status, err := u.post(ctx, o.post)
	switch {
	case err != nil:
		return nil, method.Fail(Failed, "%s", mail.Explain(err))
	case status/100 != 2:
		return nil, method.Fail(Failed, "the list's server answers with the status %d", status)
	}
	return struct {
		AccountID string `json:"accountId"`
		ID        string `json:"id"`
	}{args.AccountID, args.ID}, nil
}

// post posts what RFC 8058 3.2 wants, in the form that it prefers.
func (u *Unsubscribing) post(ctx context.Context, url string) (status int, err error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField(unsubscribe.Name, unsubscribe.Value); err != nil {
		return 0, err
	}
	if err := form.Close(); err != nil {
		return 0, err
	}
	answer, err := u.o.Fetch.Do(ctx, fetch.Request{Method: http.MethodPost, URL: url, Header: http.Header{"Content-Type": {form.FormDataContentType()}},
		Body: body.Bytes(), Time: sendTime})
	if mail.Is(err, mail.TooLarge) { // it has answered; what it says beside that nobody reads
		err = nil
	}
	return answer.Status, err
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
