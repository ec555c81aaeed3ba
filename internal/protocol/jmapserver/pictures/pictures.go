package pictures

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

// Capability is ours; docs/jmap-mail.md describes it.
const Capability = "https://mailmesh.org/jmap/pictures"

// Prefix is where pictures are.
const Prefix = "/pictures/"

// Limits; the package comment explains them.
const (
	MaxPicture   = 8 << 20
	MaxSign      = 200
	fetchTime    = 20 * time.Second
	maxRedirects = 5
	perAccount   = 8
)

// Options says what Pictures stand on.
type Options struct {
	Fetch  *fetch.Client
	Secret []byte           // 32 bytes, the same on all nodes, for nothing else
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil discards
}

// Pictures are the method and the place.
type Pictures struct {
	o Options

	mu       sync.Mutex
	fetching map[mail.AccountID]int
}

// New makes them.
func New(o Options) *Pictures {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Pictures{o: o, fetching: map[mail.AccountID]int{}}
}

// Register adds the method to those of a server.
func (p *Pictures) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, _ *method.User, a method.Access) any {
		return struct {
			MaxSign    int `json:"maxUrlsInSign"`
			MaxPicture int `json:"maxSizePicture"`
		}{MaxSign, MaxPicture}
	})
	r.Add("Picture/sign", method.Method{Capability: Capability, Needs: method.Read, Run: p.sign})
}

// sign is Picture/sign.
func (p *Pictures) sign(ctx context.Context, c *method.Call) (any, error) {
	var args struct {
		AccountID string   `json:"accountId"`
		URLs      []string `json:"urls"`
	}
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.Account(ctx, args.AccountID); err != nil {
		return nil, err
	}
	if len(args.URLs) > MaxSign {
		return nil, method.Fail(method.RequestTooLarge, "at most %d URLs can be signed at a time", MaxSign)
	}
	out := struct {
		AccountID string                   `json:"accountId"`
		Signed    map[string]string        `json:"signed"`
		NotSigned map[string]*method.Error `json:"notSigned"`
	}{args.AccountID, map[string]string{}, map[string]*method.Error{}}
	for _, url := range args.URLs {
		if err := fetch.Check(url, true); err != nil {
			out.NotSigned[url] = method.Bad(mail.Explain(err))
			continue
		}
		out.Signed[url] = p.place(c.User.Account, url)
	}
	return out, nil
}

// signature is what proves that a URL was signed: the account, the day, and an HMAC over them and the URL.
const (
	signatureFields = 8 + 4
	signatureSize   = signatureFields + 16
)

const day = 24 * time.Hour

var b64 = base64.RawURLEncoding

// place is where the picture of a URL is found, for one account.
func (p *Pictures) place(account mail.AccountID, url string) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(account))
	// The last day on which it is good: the same for all of a day, so that a reader's cache serves.
	raw = binary.BigEndian.AppendUint32(raw, uint32(p.o.Now().Add(day).Unix()/int64(day/time.Second)))
	return Prefix + b64.EncodeToString(p.seal(raw, url)) + "/" + b64.EncodeToString([]byte(url))
}

func (p *Pictures) seal(fields []byte, url string) []byte {
	h := hmac.New(sha256.New, p.o.Secret)
	h.Write(fields)
	h.Write([]byte(url))
	return append(fields, h.Sum(nil)[:signatureSize-signatureFields]...)
}

var (
	errSignature = errors.New("this picture's place was not made by this server")
	errExpired   = errors.New("this picture's place is no longer good: ask for it again")
)

// read takes a place apart.
func (p *Pictures) read(signature, text string) (account mail.AccountID, url string, err error) {
	raw, err := b64.Strict().DecodeString(signature)
	target, bad := b64.Strict().DecodeString(text)
	if err != nil || bad != nil || len(raw) != signatureSize {
		return 0, "", mail.E("pictures", mail.NotFound, errSignature)
	}
	if !hmac.Equal(p.seal(raw[:signatureFields:signatureFields], string(target)), raw) {
		return 0, "", mail.E("pictures", mail.NotFound, errSignature)
	}
	if until := time.Unix(int64(binary.BigEndian.Uint32(raw[8:])+1)*int64(day/time.Second), 0); !p.o.Now().Before(until) {
		return 0, "", mail.E("pictures", mail.Gone, errExpired)
	}
	return mail.AccountID(binary.BigEndian.Uint64(raw)), string(target), nil
}

// enter takes a place among those that fetch for an account.
func (p *Pictures) enter(account mail.AccountID) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fetching[account] >= perAccount {
		return nil, false
	}
	p.fetching[account]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.fetching[account]--; p.fetching[account] == 0 {
			delete(p.fetching, account)
		}
	}, true
}
