package tlspolicy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/policies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	freshFor    = time.Minute        // what was found is not looked up again, beyond what the resolver keeps by TTL
	retryAfter  = 5 * time.Minute    // RFC 8461 3.3: a text that could not be had is not asked for earlier
	renewBefore = 7 * 24 * time.Hour // of its end, or when half of its time is over
	maxHeld     = 10_000
	renewAtOnce = 100 // policies renewed by one call of Renew
)

// problem is why the policy of a domain could not be had or used.
type problem struct {
	result tlsrpt.ResultType
	text   string
}

// found is what a lookup came to.
type found struct {
	policy  mtasts.Policy // zero: none
	unknown error         // what is remembered cannot be read: there may be a policy
	problem problem
	until   time.Time // it is looked up again from then on
}

// held are results of lookups, for a while.
type held struct {
	mu      sync.Mutex
	entries map[string]found
}

func (h *held) get(domain string, now time.Time) (found, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, ok := h.entries[domain]
	return f, ok && now.Before(f.until)
}

func (h *held) put(domain string, f found) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.entries == nil || len(h.entries) >= maxHeld {
		h.entries = make(map[string]found) // what is lost is a lookup each
	}
	h.entries[domain] = f
}

// policyOf is the policy of a domain that counts now. It does not fail: a domain whose policy was never seen and cannot be had
// has none (RFC 8461 5).
func (p *Policies) policyOf(ctx context.Context, domain string) found {
	if strings.HasPrefix(domain, "[") { // an address literal
		return found{}
	}
	if f, ok := p.held.get(domain, p.o.Now()); ok {
		return f
	}
	// One who gives up must not take the answer from those who wait with him.
	v, _, _ := p.asking.Do(domain, func() (any, error) {
		f := p.lookUp(context.WithoutCancel(ctx), domain)
		if f.unknown == nil {
			p.held.put(domain, f)
		}
		return f, nil
	})
	return v.(found)
}

// lookUp asks for the record and, where it is new, for the text.
func (p *Policies) lookUp(ctx context.Context, domain string) found {
	now := p.o.Now()
	known, err := p.remembered(ctx, domain)
	if err != nil {
		p.o.Log.WarnContext(ctx, "tlspolicy: what is remembered of a domain cannot be read", "domain", domain, "err", err)
		return found{unknown: err}
	}
	live := now.Before(known.Expires())
	f := found{until: now.Add(freshFor)}
	if live {
		f.policy = known.Policy
	}
	id, err := p.record(ctx, domain)
	switch {
	case err != nil && !live:
		f.problem = problem{tlsrpt.PolicyInvalid, err.Error()}
		return f
	case err != nil, id == "", live && id == known.ID:
		return f // RFC 8461 5.1: without a record the policy that is remembered counts until its end
	case known.Failed != "" && now.Sub(known.Tried) < retryAfter:
		f.problem = problem{tlsrpt.PolicyFetchFailed, known.Failed}
		return f
	}
	return p.renew(ctx, domain, id, f)
}

// renew asks for the text of a policy; f is what counts where it cannot be had.
func (p *Policies) renew(ctx context.Context, domain, id string, f found) found {
	policy, err := mtasts.Fetch(ctx, p.o.Client, domain)
	if err != nil {
		p.o.Log.InfoContext(ctx, "tlspolicy: an MTA-STS policy cannot be had", "domain", domain, "err", err)
		f.problem = problem{tlsrpt.PolicyFetchFailed, err.Error()}
		f.until = p.o.Now().Add(retryAfter)
		err = p.o.Tx.Write(ctx, nil, func(t *tx.Tx) error { return p.o.Policies.Fail(t, domain, f.problem.text) })
	} else {
		f.policy, f.problem = policy, problem{}
		err = p.o.Tx.Write(ctx, nil, func(t *tx.Tx) error { return p.o.Policies.Set(t, domain, id, policy) })
	}
	if err != nil {
		p.o.Log.WarnContext(ctx, "tlspolicy: an MTA-STS policy is not remembered", "domain", domain, "err", err)
	}
	return f
}

// remembered is what is known of a domain, zero for nothing.
func (p *Policies) remembered(ctx context.Context, domain string) (r policies.Remembered, err error) {
	err = p.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if r, err = p.o.Policies.Get(t, domain); mail.Is(err, mail.NotFound) {
			r, err = policies.Remembered{}, nil
		}
		return err
	})
	return r, err
}

// record is the id in the domain's record, "" for none.
func (p *Policies) record(ctx context.Context, domain string) (string, error) {
	answer, err := p.o.Resolver.TXT(ctx, mtasts.RecordName(domain))
	switch {
	case dns.NotFound(err):
		return "", nil
	case err != nil:
		return "", err
	}
	return mtasts.ParseRecord(answer.Records)
}

// Renew asks again for policies that end soon, so that they are there also when the next mail is a long time off, and forgets those
// that have ended (RFC 8461 3.3). It is to be called every hour or so.
func (p *Policies) Renew(ctx context.Context) error {
	var domains []string
	err := p.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
		if _, err = p.o.Policies.Forget(t, renewAtOnce); err == nil {
			domains, err = p.o.Policies.Renewable(t, t.Now().Add(renewBefore), t.Now().Add(-24*time.Hour), renewAtOnce)
		}
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, domain := range domains {
		known, err := p.remembered(ctx, domain)
		if err != nil {
			return err
		}
		id, err := p.record(ctx, domain)
		if err == nil && id == "" {
			id = known.ID // RFC 8461 3.3: it is asked for whatever the record says
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", domain, err))
			id = known.ID
		}
		p.held.put(domain, p.renew(ctx, domain, id, found{policy: known.Policy, until: p.o.Now().Add(freshFor)}))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(failed) > 0 {
		p.o.Log.InfoContext(ctx, "tlspolicy: records cannot be had", "err", errors.Join(failed...))
	}
	return nil
}
