package jmapserver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/access"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// session is the session object (RFC 8620 2).
type session struct {
	Capabilities    map[string]any     `json:"capabilities"`
	Accounts        map[string]account `json:"accounts"`
	PrimaryAccounts map[string]string  `json:"primaryAccounts"`
	Username        string             `json:"username"`
	APIURL          string             `json:"apiUrl"`
	DownloadURL     string             `json:"downloadUrl"`
	UploadURL       string             `json:"uploadUrl"`
	EventSourceURL  string             `json:"eventSourceUrl"`
	State           string             `json:"state"`
}

type account struct {
	Name         string         `json:"name"`
	IsPersonal   bool           `json:"isPersonal"`
	IsReadOnly   bool           `json:"isReadOnly"`
	Capabilities map[string]any `json:"accountCapabilities"`
}

// session answers with the session object. Its URLs lead to where the client has found it.
func (s *Server) session(w http.ResponseWriter, r *http.Request, u *method.User) {
	made, err := s.makeSession(r.Context(), u)
	if err != nil {
		fail(w, s.problemOf(r, u, err))
		return
	}
	base := "https://" + r.Host
	if r.TLS == nil {
		base = "http://" + r.Host
	}
	for uri, c := range made.Capabilities {
		if placed, is := c.(method.Placed); is {
			made.Capabilities[uri] = placed.At(base)
		}
	}
	made.APIURL = base + apiPath
	made.UploadURL = base + uploadPath + "{accountId}/"
	made.DownloadURL = base + downloadPath + "{accountId}/{blobId}/{name}?type={type}"
	made.EventSourceURL = base + EventSourcePath + "?types={types}&closeafter={closeafter}&ping={ping}"
	text, err := ijson.Marshal(made)
	if err != nil {
		fail(w, s.problemOf(r, u, err))
		return
	}
	w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate") // RFC 8620 2.2
	answer(w, http.StatusOK, text)
}

// makeSession makes all of the session but its URLs.
func (s *Server) makeSession(ctx context.Context, u *method.User) (*session, error) {
	made := &session{Capabilities: map[string]any{}, Accounts: map[string]account{}, PrimaryAccounts: map[string]string{}}
	var all []access.Seen
	names := map[mail.AccountID]string{}
	err := s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if all, err = s.accesses.All(t, u); err != nil {
			return err
		}
		for _, a := range all {
			owner, err := s.o.Directory.Account(t, a.Owner)
			if err != nil && !mail.Is(err, mail.NotFound) {
				return err
			}
			names[a.Owner] = owner.Address.String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	made.Username = names[u.Account]
	known := s.o.Registry.Capabilities()
	for uri, c := range known {
		made.Capabilities[uri] = c.Session
	}
	for _, a := range all {
		has := map[string]any{}
		for uri, c := range known {
			if c.Account == nil {
				continue
			}
			if offered := c.Account(ctx, u, a.Access); offered != nil {
				has[uri] = offered
				if a.Own() {
					made.PrimaryAccounts[uri] = a.Owner.String()
				}
			}
		}
		made.Accounts[a.Owner.String()] = account{Name: names[a.Owner], IsPersonal: a.Own(), IsReadOnly: a.ReadOnly, Capabilities: has}
	}
	made.State, err = stateOf(made)
	s.states.put(whoseOf(u), made.State)
	return made, err
}

// Accounts are those of a user's session, by their ids, as they stand there.
func (s *Server) Accounts(ctx context.Context, u *method.User) (map[string]any, error) {
	made, err := s.makeSession(ctx, u)
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	for id, a := range made.Accounts {
		all[id] = a
	}
	return all, nil
}

// stateOf is another text for every other session: every node finds the same.
func stateOf(made *session) (string, error) {
	text, err := ijson.Marshal(made)
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), err
}

// sessionState is the state of the session, as it was stateAge ago at most: every response tells it, and what it is made of
// seldom changes.
func (s *Server) sessionState(ctx context.Context, u *method.User) (string, error) {
	if state, ok := s.states.get(whoseOf(u)); ok {
		return state, nil
	}
	made, err := s.makeSession(ctx, u)
	if err != nil {
		return "", err
	}
	return made.State, nil
}

const (
	stateAge  = 10 * time.Second
	maxStates = 10_000
)

// stateCache remembers states of sessions.
type stateCache struct {
	mu    sync.Mutex
	known map[whose]knownState
}

// whose session it is, and what the sign-in allows.
type whose struct {
	account  mail.AccountID
	scope    method.Scope
	inPerson bool
}

func whoseOf(u *method.User) whose { return whose{u.Account, u.Scope, u.InPerson} }

type knownState struct {
	state string
	at    time.Time
}

func (c *stateCache) get(of whose) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[of]
	return k.state, ok && time.Since(k.at) < stateAge
}

func (c *stateCache) put(of whose, state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxStates {
		c.known = map[whose]knownState{} // all of them are old soon
	}
	c.known[of] = knownState{state, time.Now()}
}
