package srs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Valid is how long a report finds the way back: mail may be tried for days by each of the servers on its way.
const Valid = 30 * 24 * time.Hour

const (
	validDays = int64(Valid / (24 * time.Hour))
	days      = 32 * 32 // have two characters each; then they are written the same again
	hashChars = 6       // 30 bits: a guess costs a refused RCPT, and the doors count those
)

// base32hex has no characters that case or quoting could change the meaning of.
var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

const digits = "0123456789abcdefghijklmnopqrstuv"

// Rewriter rewrites under one secret.
type Rewriter struct {
	secret []byte
	now    func() time.Time
}

// New returns a Rewriter. All nodes of a server have the same secret. now may be nil: time.Now.
func New(secret []byte, now func() time.Time) *Rewriter {
	if now == nil {
		now = time.Now
	}
	return &Rewriter{secret: secret, now: now}
}

// Is reports whether an address looks like one of Forward's, of whichever server.
func Is(a mail.Address) bool { return kind(a.Local) != "" }

func kind(local string) string {
	if len(local) > 5 && strings.ContainsRune("=+-", rune(local[4])) { // the separators that are in use
		if k := strings.ToUpper(local[:4]); k == "SRS0" || k == "SRS1" {
			return k
		}
	}
	return ""
}

// Forward rewrites the reverse-path of mail that goes on, for a domain of ours. The null reverse-path stays what it is.
func (w *Rewriter) Forward(from mail.Address, domain string) (mail.Address, error) {
	if from.IsNull() || from.Domain == domain {
		return from, nil
	}
	today := w.today()
	var local string
	switch rest := from.Local[min(4, len(from.Local)):]; kind(from.Local) {
	case "SRS0":
		local = "SRS1=" + w.hash(today, domain, from.Domain, rest) + "=" + from.Domain + "=" + rest
	case "SRS1":
		// SRS1=hash=first==rest: the first forwarder knows the way back, the ones between are left out.
		_, first, inner, ok := cutSRS1(from.Local)
		if !ok {
			return mail.Address{}, mail.E("srs.Forward", mail.Invalid, fmt.Errorf("%s is no SRS1 address", from))
		}
		local = "SRS1=" + w.hash(today, domain, first, inner) + "=" + first + "=" + inner
	default:
		day := string([]byte{digits[today%days/32], digits[today%32]})
		local = "SRS0=" + w.hash(today, domain, from.Domain, from.Local) + "=" + day + "=" + from.Domain + "=" + from.Local
	}
	// Checked as it is written on the wire, quotes included.
	if a := (mail.Address{Local: local, Domain: domain}); len(a.String())-len(domain)-1 > mail.MaxLocalLength || len(a.String()) > mail.MaxAddressLength {
		return mail.Address{}, mail.E("srs.Forward", mail.TooLarge, fmt.Errorf("%s is too long to be rewritten", from))
	}
	return mail.Address{Local: local, Domain: domain}, nil
}

// Short makes an address of a token that stands for a sender who is too long, known to the caller: 16 letters and digits in
// upper case.
func (w *Rewriter) Short(token, domain string) mail.Address {
	today := w.today()
	day := string([]byte{digits[today%days/32], digits[today%32]})
	return mail.Address{Local: "SRS0=" + w.hash(today, domain, "", token) + "=" + day + "==" + token, Domain: domain}
}

// Reverse returns what an address of ours was made of; of one of Short's, the token as an address without a domain.
// mail.NotFound where it was not made here, or too long ago.
func (w *Rewriter) Reverse(a mail.Address) (mail.Address, error) {
	var hash, host, local string
	oldest, newest, ok := w.today()-validDays, w.today(), false
	switch kind(a.Local) {
	case "SRS0":
		var stamp int64
		if hash, stamp, host, local, ok = cutSRS0(a.Local); ok {
			newest -= (newest - stamp) % days // the last day that is written so
			ok = newest >= oldest
			oldest = newest
		}
	case "SRS1": // has no day: the hash of one of them must fit
		hash, host, local, ok = cutSRS1(a.Local)
	}
	for day := newest; ok && day >= oldest; day-- {
		if !hmac.Equal([]byte(strings.ToLower(hash)), []byte(w.hash(day, a.Domain, host, local))) {
			continue
		}
		if host == "" {
			return mail.Address{Local: strings.ToUpper(local)}, nil
		}
		if kind(a.Local) == "SRS1" {
			local = "SRS0" + local
		}
		return mail.ParseAddress(mail.Address{Local: local, Domain: strings.ToLower(host)}.String())
	}
	return mail.Address{}, mail.E("srs.Reverse", mail.NotFound, fmt.Errorf("%s was not made here, or too long ago", a))
}

// today is a number of the day that never comes again.
func (w *Rewriter) today() int64 { return w.now().Unix() / 86400 }

func (w *Rewriter) hash(day int64, domain, host, local string) string {
	h := hmac.New(sha256.New, w.secret)
	fmt.Fprintf(h, "%d\x00%s\x00%s\x00%s", day, strings.ToLower(domain), strings.ToLower(host), strings.ToLower(local))
	return strings.ToLower(base32hex.EncodeToString(h.Sum(nil))[:hashChars])
}

// cutSRS0 splits SRS0=hash=day=host=local; stamp is the day as it is written.
func cutSRS0(s string) (hash string, stamp int64, host, local string, ok bool) {
	parts := strings.SplitN(s[5:], "=", 4)
	if len(parts) != 4 || len(parts[1]) != 2 || s[4] != '=' {
		return "", 0, "", "", false
	}
	for i := range 2 {
		digit := strings.IndexByte(digits, strings.ToLower(parts[1])[i])
		if digit < 0 {
			return "", 0, "", "", false
		}
		stamp = stamp*32 + int64(digit)
	}
	return parts[0], stamp, parts[2], parts[3], true
}

// cutSRS1 splits SRS1=hash=host=rest; rest begins with the separator that followed SRS0 at host.
func cutSRS1(s string) (hash, host, rest string, ok bool) {
	parts := strings.SplitN(s[5:], "=", 3)
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" || !strings.ContainsRune("=+-", rune(parts[2][0])) {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[2], true
}
