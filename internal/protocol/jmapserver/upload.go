package jmapserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// uploaded answers an upload (RFC 8620 6.1).
type uploaded struct {
	AccountID string `json:"accountId"`
	BlobID    string `json:"blobId"`
	Type      string `json:"type"`
	Size      int64  `json:"size"`
}

// uploadQuota is how many bytes of uploads an account may have that nothing names, in uploads of the largest size (RFC 8620 6: what
// one object can refer to at least).
const uploadQuota = 4

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
	body, err := s.o.Bodies.Put(r.Context(), http.MaxBytesReader(w, io.NopCloser(slowly{w, r.Body}), s.o.MaxUpload))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return done, s.tooLarge()
	case err != nil:
		return done, err
	}
	id, err := s.holdUpload(r.Context(), a.Owner, body)
	if err != nil {
		return done, errors.Join(err, s.o.Bodies.Discard(context.WithoutCancel(r.Context()), body))
	}
	done = uploaded{a.Owner.String(), id.String(), r.Header.Get("Content-Type"), body.Size}
	if done.Type == "" {
		done.Type = anything
	}
	return done, nil
}

func (s *Server) holdUpload(ctx context.Context, account mail.AccountID, body *bodies.Body) (id mail.BlobID, err error) {
	err = s.o.Tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) (err error) {
		id, err = s.o.Bodies.HoldUpload(t, account, body, uploadQuota*s.o.MaxUpload)
		return err
	})
	return id, err
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
