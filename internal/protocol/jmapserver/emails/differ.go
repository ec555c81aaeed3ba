package emails

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Differ leaves of what is said of an email what is not so, or is no property: a client may send an object as it got it, with what it
// changes (RFC 8620 5.3). Parts are compared with the bodyProperties that are returned where none are asked for. Nothing differs in an
// email that the user does not see.
func (e *Emails) Differ(ctx context.Context, c *method.Call, a method.Access, id mail.EmailID, said map[string]ijson.Value) (map[string]ijson.Value, error) {
	known := []string{}
	for key := range said {
		if _, _, _, err := new(plan).property(key); err == nil {
			known = append(known, key)
		}
	}
	p, err := planOf(&known, nil, bodyArgs{FetchAllBodyValues: said["bodyValues"] != nil})
	if err != nil {
		return said, nil // more than can be asked for
	}
	g := getting{e: e, work: c.Work, access: a, plan: p, left: c.Room(), sources: map[mail.EmailID]*source{}}
	if err := e.o.Tx.Read(ctx, func(t *tx.Tx) error { return g.rows(t, []mail.EmailID{id}, false) }); err != nil {
		return nil, err
	}
	s := g.sources[id]
	if s == nil {
		return nil, nil
	}
	open, err := g.prepare(ctx)
	if err != nil {
		return nil, err
	}
	text, err := g.object(ctx, nil, s, open)
	if mail.Is(err, mail.NotFound) {
		return nil, g.destroyedMeanwhile(ctx, id, err)
	}
	if err != nil {
		return nil, err
	}
	var object map[string]ijson.Value
	if err := ijson.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	if values, has := object["bodyValues"]; has {
		if object["bodyValues"], err = keepSaid(values, said["bodyValues"]); err != nil {
			return nil, err
		}
	}
	return method.Changed(object, said)
}

// keepSaid leaves the values of the parts that a client speaks of: which they are, is what it has asked for.
func keepSaid(values, said ijson.Value) (ijson.Value, error) {
	parts := map[string]bool{}
	if ijson.IsObject(said) {
		ijson.Members(said, func(part string, _ ijson.Value) error { parts[part] = true; return nil })
	}
	out := ijson.Value{'{'}
	err := ijson.Members(values, func(part string, v ijson.Value) (err error) {
		if parts[part] {
			out, err = ijson.AppendMember(out, part, v)
		}
		return err
	})
	return append(out, '}'), err
}
