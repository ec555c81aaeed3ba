package adminserver

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/queue"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// QueueMessage is a message that is still owed to someone.
type QueueMessage struct {
	ID         string           `json:"id"`
	Trace      string           `json:"trace"` // its id in logs and in the answer to its client
	From       string           `json:"from"`  // "" for the null reverse-path
	Size       int64            `json:"size"`
	Priority   int              `json:"priority,omitempty"`
	Created    time.Time        `json:"created"`
	Recipients []QueueRecipient `json:"recipients"`
}

// QueueRecipient is one recipient of it.
type QueueRecipient struct {
	Address  string    `json:"address"`
	State    string    `json:"state"` // waiting, trying, held, stopped (its destination)
	Due      time.Time `json:"due"`
	Attempts int       `json:"attempts"`
	Last     string    `json:"last,omitempty"` // who said what at the last attempt
	Node     string    `json:"node,omitempty"` // that tries it
}

// QueueQuery says which messages are wanted.
type QueueQuery struct {
	Domain string // with a recipient there
	From   string // part of the reverse-path
	Held   bool   // with a recipient that waits for the operator
}

// QueueChanged says how many messages of the queue a request has changed.
type QueueChanged struct {
	Messages int `json:"messages"`
}

// QueueDropped says who gets nothing of a mail that was dropped, and how many recipients are being tried at this moment.
type QueueDropped struct {
	Recipients []string `json:"recipients"`
	Trying     int      `json:"trying,omitempty"`
}

// QueueStop is a destination to which nothing is sent, "*" for all.
type QueueStop struct {
	Domain string    `json:"domain"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
}

// NewQueueStop asks for one.
type NewQueueStop struct {
	Domain string `json:"domain"`
	Reason string `json:"reason,omitempty"`
}

// QueueEvent is a step of a mail on its way to a recipient.
type QueueEvent struct {
	Recipient string    `json:"recipient"`
	Event     string    `json:"event"`
	At        time.Time `json:"at"`
	By        string    `json:"by,omitempty"`
	Reply     string    `json:"reply,omitempty"`
}

// everywhere stands for all destinations.
const everywhere = "*"

func (h *handler) queueRoutes(routes map[string]operation) {
	routes["GET /v1/queue"] = h.listQueue
	routes["GET /v1/queue/{id}"] = h.showQueued
	routes["DELETE /v1/queue/{id}"] = h.dropQueued
	routes["POST /v1/queue/{id}/hold"] = h.changeQueued(queue.Operator.Hold)
	routes["POST /v1/queue/{id}/release"] = h.changeQueued(queue.Operator.Release)
	routes["POST /v1/queue/{id}/retry"] = h.changeQueued(queue.Operator.RetryNow)
	routes["GET /v1/queue/{id}/trace"] = h.traceQueued
	routes["GET /v1/queue-stops"] = h.listStops
	routes["POST /v1/queue-stops"] = h.addStop
	routes["DELETE /v1/queue-stops/{domain}"] = h.removeStop
}

func (h *handler) listQueue(r *http.Request) (any, error) {
	l, err := parseListing(r)
	if err != nil {
		return nil, err
	}
	var after mail.SpoolID
	if l.after != "" {
		if after, err = mail.ParseSpoolID(l.after); err != nil {
			return nil, err
		}
	}
	f := queue.Filter{From: r.URL.Query().Get("from"), Held: r.URL.Query().Get("held") == "true"}
	if l.domain != "" {
		if f.Domain, err = destination(l.domain); err != nil {
			return nil, err
		}
	}
	found, next, err := h.queue.List(r.Context(), f, after, l.limit)
	if err != nil {
		return nil, err
	}
	p := Page[QueueMessage]{Items: make([]QueueMessage, len(found))}
	for i, e := range found {
		p.Items[i] = showEntry(e)
	}
	if next != 0 {
		p.Next = next.String()
	}
	return p, nil
}

func showEntry(e queue.Entry) QueueMessage {
	m := QueueMessage{ID: e.ID.String(), Trace: e.Envelope.ID, From: e.Envelope.ReversePath.String(), Size: e.Size, Priority: e.Envelope.Priority, Created: e.Created}
	for _, r := range e.Recipients {
		m.Recipients = append(m.Recipients, QueueRecipient{Address: r.Address.String(), State: string(r.State), Due: r.Due, Attempts: r.Attempts, Last: r.Last, Node: r.Owner})
	}
	return m
}

func (h *handler) showQueued(r *http.Request) (any, error) {
	found, err := h.queue.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	p := Page[QueueMessage]{}
	for _, e := range found {
		p.Items = append(p.Items, showEntry(e))
	}
	return p, nil
}

// changeQueued is an operation on the messages that an id names.
func (h *handler) changeQueued(do func(queue.Operator, context.Context, string) (int, error)) operation {
	return func(r *http.Request) (any, error) {
		n, err := do(h.queue, r.Context(), r.PathValue("id"))
		return QueueChanged{n}, err
	}
}

func (h *handler) dropQueued(r *http.Request) (any, error) {
	d, err := h.queue.Drop(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	out := QueueDropped{Recipients: []string{}, Trying: d.Left}
	for _, a := range d.Gone {
		out.Recipients = append(out.Recipients, a.String())
	}
	return out, nil
}

func (h *handler) traceQueued(r *http.Request) (any, error) {
	fates, err := h.queue.Trace(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	p := Page[QueueEvent]{Items: []QueueEvent{}}
	for _, f := range fates {
		for _, e := range f.Events {
			out := QueueEvent{Recipient: f.Address.String(), Event: string(e.Kind), At: e.At, By: e.By}
			if e.Reply.Code != 0 {
				out.Reply = e.Reply.Error()
			}
			p.Items = append(p.Items, out)
		}
	}
	return p, nil
}

func (h *handler) listStops(r *http.Request) (any, error) {
	list, err := h.queue.AllStopped(r.Context())
	if err != nil {
		return nil, err
	}
	p := Page[QueueStop]{Items: make([]QueueStop, len(list))}
	for i, s := range list {
		if p.Items[i] = (QueueStop{s.Domain, s.Reason, s.Since}); s.Domain == "" {
			p.Items[i].Domain = everywhere
		}
	}
	return p, nil
}

func (h *handler) addStop(r *http.Request) (any, error) {
	s, err := body[NewQueueStop](r)
	if err != nil {
		return nil, err
	}
	domain, err := stopDomain(s.Domain)
	if err != nil {
		return nil, err
	}
	return nil, h.queue.Stop(r.Context(), domain, s.Reason)
}

func (h *handler) removeStop(r *http.Request) (any, error) {
	domain, err := stopDomain(r.PathValue("domain"))
	if err != nil {
		return nil, err
	}
	return nil, h.queue.Start(r.Context(), domain)
}

func stopDomain(s string) (string, error) {
	if s == everywhere {
		return "", nil
	}
	return destination(s)
}

// destination is a domain as the spool has it, however it is written.
func destination(s string) (string, error) {
	domain, err := smtp.ASCIIDomain(s)
	if err != nil {
		err = mail.E("adminserver", mail.Invalid, err)
	}
	return domain, err
}

const (
	queued     = "/v1/queue"
	queueStops = "/v1/queue-stops"
)

// Queue goes through the messages of the queue, in the order in which they came.
func (c *Client) Queue(ctx context.Context, q QueueQuery) iter.Seq2[QueueMessage, error] {
	query := url.Values{}
	if q.Domain != "" {
		query.Set("domain", q.Domain)
	}
	if q.From != "" {
		query.Set("from", q.From)
	}
	if q.Held {
		query.Set("held", strconv.FormatBool(q.Held))
	}
	return listWith[QueueMessage](ctx, c, queued, query)
}

// Queued goes through the messages that an id names.
func (c *Client) Queued(ctx context.Context, id string) iter.Seq2[QueueMessage, error] {
	return list[QueueMessage](ctx, c, at(queued, id), "")
}

// HoldQueued, ReleaseQueued and RetryQueued change the messages that an id names.
func (c *Client) HoldQueued(ctx context.Context, id string) (QueueChanged, error) {
	return call[QueueChanged](ctx, c, http.MethodPost, at(queued, id, "hold"), nil)
}

func (c *Client) ReleaseQueued(ctx context.Context, id string) (QueueChanged, error) {
	return call[QueueChanged](ctx, c, http.MethodPost, at(queued, id, "release"), nil)
}

func (c *Client) RetryQueued(ctx context.Context, id string) (QueueChanged, error) {
	return call[QueueChanged](ctx, c, http.MethodPost, at(queued, id, "retry"), nil)
}

// DropQueued takes the messages that an id names out of the queue for good.
func (c *Client) DropQueued(ctx context.Context, id string) (QueueDropped, error) {
	return call[QueueDropped](ctx, c, http.MethodDelete, at(queued, id), nil)
}

// TraceQueued goes through what happened to a mail.
func (c *Client) TraceQueued(ctx context.Context, id string) iter.Seq2[QueueEvent, error] {
	return list[QueueEvent](ctx, c, at(queued, id, "trace"), "")
}

// QueueStops goes through the destinations to which nothing is sent.
func (c *Client) QueueStops(ctx context.Context) iter.Seq2[QueueStop, error] {
	return list[QueueStop](ctx, c, queueStops, "")
}

// StopQueue ends sending to a destination, "*" for all.
func (c *Client) StopQueue(ctx context.Context, s NewQueueStop) error {
	return c.do(ctx, http.MethodPost, queueStops, s, nil)
}

// StartQueue takes back StopQueue.
func (c *Client) StartQueue(ctx context.Context, domain string) error {
	return c.do(ctx, http.MethodDelete, at(queueStops, domain), nil, nil)
}
