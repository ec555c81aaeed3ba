package jmapserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// uploaded answers an upload (RFC 8620 6.1).
type uploaded struct {
	AccountID string `json:"accountId"`
	BlobID    string `json:"blobId"`
	Type      string `json:"type"`
	Size      int64  `json:"size"`
}

// upload takes a blob. The bytes are on stable storage before they have a name, and have it before the answer.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, u *method.User) {
	leave, ok := s.uploads.enter(u.Account)
	if !ok {
		fail(w, busy("maxConcurrentUpload", MaxConcurrentUpload))
		return
	}
	defer leave()
	done, err := s.takeUpload(w, r, u)
	if err != nil {
		fail(w, s.problemOf(r, u, err))
		return
	}
	text, err := ijson.Marshal(done)
	if err != nil {
		fail(w, s.problemOf(r, u, err))
		return
	}
	answer(w, http.StatusCreated, text)
}

func (s *Server) takeUpload(w http.ResponseWriter, r *http.Request, u *method.User) (done uploaded, err error) {
	if u.Scope&method.Write == 0 {
		return done, mail.E("jmapserver.upload", mail.Denied, errReadOnly)
	}
	a, err := s.account(r.Context(), u, r.PathValue("accountId"))
	if err != nil {
		return done, err
	}
	if !a.Own() {
		return done, mail.E("jmapserver.upload", mail.Denied, errNotOwn)
	}
	if r.ContentLength > s.o.MaxUpload {
		return done, s.tooLarge()
	}
	taken, err := s.o.Blobs.Take(r.Context(), a.Owner, slowly{w, r.Body})
	switch {
	case mail.Is(err, mail.TooLarge):
		return done, s.tooLarge()
	case err != nil:
		return done, err
	}
	done = uploaded{a.Owner.String(), taken.Blob.String(), strings.ToValidUTF8(r.Header.Get("Content-Type"), "\uFFFD"), taken.Size} // RFC 9110 5.5: a field may hold any octets, JSON may not
	if done.Type == "" {
		done.Type = anything
	}
	return done, nil
}

// account finds the account of a URL.
func (s *Server) account(ctx context.Context, u *method.User, id string) (method.Access, error) {
	a, err := s.accesses.Account(ctx, u, id)
	var e *method.Error
	if errors.As(err, &e) {
		err = mail.E("jmapserver.account", mail.NotFound, errors.New(e.Description))
	}
	return a, err
}

var (
	errReadOnly = errors.New("what you have signed in with does not allow to change anything")
	errNotOwn   = errors.New("uploads go to your own account: Blob/copy brings them to another")
)

func (s *Server) tooLarge() error {
	p := method.Exceeds("maxSizeUpload", int(s.o.MaxUpload))
	p.Status = http.StatusRequestEntityTooLarge
	p.Detail = fmt.Sprintf("an upload has at most %d bytes", s.o.MaxUpload)
	return p
}
