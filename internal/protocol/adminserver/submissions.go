package adminserver

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
)

// Submission is a message that an account has handed in.
type Submission struct {
	ID         string                `json:"id"`
	Trace      string                `json:"trace"` // its id in the log
	From       string                `json:"from"`  // the reverse-path
	MessageID  string                `json:"messageId"`
	Size       int64                 `json:"size"`
	Created    time.Time             `json:"created"`
	Due        time.Time             `json:"due"` // not sent before; until then it can be taken back
	Recipients []SubmissionRecipient `json:"recipients"`
}

// SubmissionRecipient is one recipient of a Submission.
type SubmissionRecipient struct {
	Address string            `json:"address"`
	Events  []SubmissionEvent `json:"events,omitempty"` // in the answer for one submission: from the first on
}

// SubmissionEvent is a step of a message to a recipient.
type SubmissionEvent struct {
	Kind  string    `json:"kind"`
	At    time.Time `json:"at"`
	By    string    `json:"by,omitempty"`
	Reply string    `json:"reply,omitempty"`
}

// Cancellation is what became of the wish to take a submission back.
type Cancellation struct {
	Taken []string `json:"taken"` // who will not get it
	Late  []string `json:"late"`  // of whom that cannot be said any more
}

func showSubmission(s submissions.Submission) Submission {
	out := Submission{ID: s.ID.String(), Trace: s.Trace, From: s.ReversePath.String(), MessageID: s.MessageID, Size: s.Size, Created: s.Created, Due: s.Due}
	for _, r := range s.Recipients {
		out.Recipients = append(out.Recipients, SubmissionRecipient{Address: r.Address.String()})
	}
	return out
}

func showEvents(events []mail.Event) (out []SubmissionEvent) {
	for _, e := range events {
		shown := SubmissionEvent{Kind: string(e.Kind), At: e.At, By: e.By}
		if e.Reply != (mail.Reply{}) {
			shown.Reply = e.Reply.Error()
		}
		out = append(out, shown)
	}
	return out
}

func (h *handler) listSubmissions(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	l, err := parseListing(r)
	if err != nil {
		return nil, err
	}
	before, err := parseSubmissionMark(l.after)
	if err != nil {
		return nil, err
	}
	l.limit = min(l.limit, submissions.MaxPage)
	found, err := h.provision.Submissions(r.Context(), address, before, l.limit)
	return toPage(l, found, showSubmission, submissionMark), err
}

// submissionMark names a place in the list.
func submissionMark(s submissions.Submission) string {
	text, _ := json.Marshal([2]int64{s.Created.UnixMilli(), int64(s.ID)}) // holds nothing that cannot be written
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseSubmissionMark(s string) (before submissions.Submission, err error) {
	if s == "" {
		return before, nil
	}
	var at [2]int64
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(text, &at)
	}
	if err != nil {
		return before, invalid("after is what the page before named as next, not %.40q", s)
	}
	before.Created, before.ID = time.UnixMilli(at[0]), mail.SubmissionID(at[1])
	return before, nil
}

// named reads which submission a request is about.
func named(r *http.Request) (address mail.Address, id mail.SubmissionID, err error) {
	if address, err = pathAddress(r); err != nil {
		return address, 0, err
	}
	text, found := strings.CutPrefix(r.PathValue("id"), "S")
	n, err := strconv.ParseInt(text, 36, 64)
	if !found || err != nil {
		return address, 0, invalid("the id of a submission is as it is listed, not %.40q", r.PathValue("id"))
	}
	return address, mail.SubmissionID(n), nil
}

func (h *handler) getSubmission(r *http.Request) (any, error) {
	address, id, err := named(r)
	if err != nil {
		return nil, err
	}
	s, events, err := h.provision.Submission(r.Context(), address, id)
	if err != nil {
		return nil, err
	}
	out := showSubmission(s)
	for i := range out.Recipients {
		out.Recipients[i].Events = showEvents(events[i])
	}
	return out, nil
}

func (h *handler) cancelSubmission(r *http.Request) (any, error) {
	address, id, err := named(r)
	if err != nil {
		return nil, err
	}
	s, _, err := h.provision.Submission(r.Context(), address, id)
	if err != nil {
		return nil, err
	}
	done, err := h.submission.Cancel(r.Context(), s.Account, id)
	return showCancellation(s, done), err
}

func showCancellation(s submissions.Submission, done submission.Canceled) Cancellation {
	out := Cancellation{Taken: []string{}, Late: []string{}}
	for _, n := range done.Taken {
		out.Taken = append(out.Taken, s.Recipients[n].Address.String())
	}
	for _, n := range done.Late {
		out.Late = append(out.Late, s.Recipients[n].Address.String())
	}
	return out
}

// Submissions goes through what an account has handed in, the newest first.
func (c *Client) Submissions(ctx context.Context, address string) iter.Seq2[Submission, error] {
	return list[Submission](ctx, c, at(accounts, address, "submissions"), "")
}

// Submission returns one with every step of it.
func (c *Client) Submission(ctx context.Context, address, id string) (Submission, error) {
	return call[Submission](ctx, c, http.MethodGet, at(accounts, address, "submissions", id), nil)
}

// CancelSubmission takes back one that is not due yet.
func (c *Client) CancelSubmission(ctx context.Context, address, id string) (Cancellation, error) {
	return call[Cancellation](ctx, c, http.MethodPost, at(accounts, address, "submissions", id, "cancel"), nil)
}
