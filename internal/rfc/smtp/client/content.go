package client

import "bytes"

var (
	cr     = []byte{'\r'}
	lf     = []byte{'\n'}
	crlf   = []byte{'\r', '\n'}
	dotted = []byte{'\n', '.'}
)

// lines turns content into lines that end with CRLF: a CR or an LF that stands alone becomes CRLF (RFC 5321 2.3.8), so that no
// server on the way can see a line end, or the end of the message, where another sees none.
type lines struct {
	stuff  bool // double the dot that begins a line (RFC 5321 4.5.2)
	cr     bool // a CR came last, and its LF may follow
	inLine bool // the next byte does not begin a line
}

// append adds the next bytes of the content to dst.
func (l *lines) append(dst, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	if l.cr {
		l.cr = false
		dst = append(dst, '\r', '\n')
		l.inLine = false
		if b[0] == '\n' {
			b = b[1:]
		}
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		l.cr, b = true, b[:n-1]
	}
	if l.clean(b) {
		return l.appendClean(dst, b)
	}
	for len(b) > 0 {
		end := bytes.IndexAny(b, "\r\n")
		if end < 0 {
			return l.appendClean(dst, b)
		}
		dst = append(l.appendClean(dst, b[:end]), '\r', '\n')
		l.inLine = false
		if b[end] == '\r' && end+1 < len(b) && b[end+1] == '\n' {
			end++
		}
		b = b[end+1:]
	}
	return dst
}

// clean reports whether every CR and LF in b is part of a CRLF.
func (l *lines) clean(b []byte) bool {
	pairs := bytes.Count(b, crlf)
	return bytes.Count(b, lf) == pairs && bytes.Count(b, cr) == pairs
}

// appendClean adds whole lines, or parts of one, that end with CRLF already.
func (l *lines) appendClean(dst, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	if l.stuff {
		if !l.inLine && b[0] == '.' {
			dst = append(dst, '.')
		}
		for {
			at := bytes.Index(b, dotted)
			if at < 0 {
				break
			}
			dst = append(dst, b[:at+len(dotted)]...)
			dst = append(dst, '.')
			b = b[at+len(dotted):]
			l.inLine = true
		}
	}
	if len(b) > 0 {
		l.inLine = b[len(b)-1] != '\n'
	}
	return append(dst, b...)
}

// end ends the last line.
func (l *lines) end(dst []byte) []byte {
	if l.cr || l.inLine {
		dst = append(dst, '\r', '\n')
	}
	l.cr, l.inLine = false, false
	return dst
}
