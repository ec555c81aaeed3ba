package jmapserver

import "net/http"

// shareWithOrigins lets scripts of all origins read what is answered (the Fetch standard's CORS protocol). That is no danger: a
// request says who it is by in its Authorization field, which a script must hold to set, and there are no cookies. It answers
// preflight requests itself and then returns true.
func shareWithOrigins(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Disposition, Content-Range, Retry-After, WWW-Authenticate")
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, Range, If-Range, If-None-Match, Last-Event-ID") // "*" does not name Authorization
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}
