package jmapserver

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

// api answers a request of calls (RFC 8620 3.1).
func (s *Server) api(w http.ResponseWriter, r *http.Request, u *method.User) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		fail(w, method.Refuse(method.NotJSON, "the Content-Type of a request is application/json, not %.100q", r.Header.Get("Content-Type")))
		return
	}
	leave, err := s.begin(u) // before there is anything of it in memory
	if err != nil {
		fail(w, s.problemOf(r, u, err))
		return
	}
	defer leave()
	body, err := s.readRequest(w, r)
	var response []byte
	if err == nil {
		response, err = s.carryOut(r.Context(), u, body)
	}
	if err != nil {
		fail(w, s.problemOf(r, u, err))
		return
	}
	answer(w, http.StatusOK, response)
}

// readRequest reads a body that may be as large as a request.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > method.MaxSizeRequest {
		return nil, method.Exceeds("maxSizeRequest", method.MaxSizeRequest)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, io.NopCloser(slowly{w, r.Body}), method.MaxSizeRequest))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, method.Exceeds("maxSizeRequest", method.MaxSizeRequest)
	case err != nil:
		return nil, method.Refuse(method.NotJSON, "the request has not come to its end")
	}
	return body, nil
}
