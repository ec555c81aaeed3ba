package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Limits of a password that people choose, after preparation.
const (
	MinPassword = 8    // characters
	MaxPassword = 1024 // bytes of UTF-8
)

// Params is what an Argon2id hash costs. They are part of each hash: raising them leaves old hashes valid.
type Params struct {
	Memory uint32 // KiB
	Time   uint32 // passes
}

// DefaultParams are above what OWASP asks for (19 MiB in two passes, which it calls as strong as 46 MiB in one). More
// memory would be better against an attacker and worse for the server: the runtime keeps what a run used for a while,
// and doubles its heap's goal for it. One lane, so that one sign-in takes one core.
var DefaultParams = Params{Memory: 19 << 10, Time: 4}

// Bounds of what a stored hash may ask for: a damaged row must not take the machine's memory.
const (
	maxMemory = 1 << 20 // KiB
	maxTime   = 64
)

const (
	saltSize = 16
	hashSize = 32
)

// Limits of hashing.
const (
	maxHashWaiting = 256
	maxHashWait    = 10 * time.Second
)

// DefaultParallel leaves half of the machine to mail, whoever tries passwords.
var DefaultParallel = max(1, runtime.NumCPU()/2)

var errBusy = errors.New("too many sign-ins at this moment: try again in a few seconds")

// Hash is an Argon2id hash in the PHC string format: $argon2id$v=19$m=19456,t=4,p=1$salt$hash.
type Hash string

var b64 = base64.RawStdEncoding

// hasher runs Argon2id, a bounded number of times at once.
type hasher struct {
	params  Params
	running chan struct{}
	waiting chan struct{}
	dummy   argonHash // compared with where there is no password, for the time it takes
	runs    atomic.Int64
}

func newHasher(p Params, parallel int) *hasher {
	h := &hasher{params: p, running: make(chan struct{}, parallel), waiting: make(chan struct{}, maxHashWaiting)}
	h.dummy = argonHash{Params: p, lanes: 1, salt: make([]byte, saltSize), sum: make([]byte, hashSize)}
	return h
}

// enter takes a place to hash in, which leave gives back.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, mail.E("auth.hash", mail.Limit, errBusy)
	}
	timer := time.NewTimer(maxHashWait)
	defer timer.Stop()
	select {
	case h.running <- struct{}{}:
		return func() { <-h.running }, nil
	case <-timer.C:
		return nil, mail.E("auth.hash", mail.Limit, errBusy)
	case <-ctx.Done():
		return nil, mail.E("auth.hash", mail.Unavailable, context.Cause(ctx))
	}
}

func (h *hasher) hash(ctx context.Context, password string) (Hash, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	a := argonHash{Params: h.params, lanes: 1, salt: make([]byte, saltSize)}
	rand.Read(a.salt)
	a.sum = a.of(password, hashSize)
	return a.phc(), nil
}

// matches compares a password with a stored hash; with "" it takes as long and says no.
func (h *hasher) matches(ctx context.Context, stored Hash, password string) (bool, error) {
	a := h.dummy
	if stored != "" {
		var err error
		if a, err = parseHash(stored); err != nil {
			return false, err
		}
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	h.runs.Add(1)
	same := subtle.ConstantTimeCompare(a.of(password, uint32(len(a.sum))), a.sum) == 1
	return same && stored != "", nil
}

// argonHash is a Hash taken apart.
type argonHash struct {
	Params
	lanes uint8
	salt  []byte
	sum   []byte
}

func (a argonHash) of(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.Time, a.Memory, a.lanes, size)
}

func (a argonHash) phc() Hash {
	return Hash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.Memory, a.Time, a.lanes,
		b64.EncodeToString(a.salt), b64.EncodeToString(a.sum)))
}

func parseHash(s Hash) (argonHash, error) {
	var a argonHash
	fields := strings.Split(string(s), "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return a, errors.New("auth: a stored password is not $argon2id$v=19$m=,t=,p=$salt$hash")
	}
	var rest string
	n, _ := fmt.Sscanf(fields[3]+" end", "m=%d,t=%d,p=%d %s", &a.Memory, &a.Time, &a.lanes, &rest)
	if n != 4 || a.Memory == 0 || a.Memory > maxMemory || a.Time == 0 || a.Time > maxTime || a.lanes == 0 {
		return a, fmt.Errorf("auth: a stored password has the parameters %.40q, which are out of bounds", fields[3])
	}
	var err1, err2 error
	a.salt, err1 = b64.DecodeString(fields[4])
	a.sum, err2 = b64.DecodeString(fields[5])
	if err1 != nil || err2 != nil || len(a.salt) < 8 || len(a.salt) > 64 || len(a.sum) < 16 || len(a.sum) > 64 {
		return a, errors.New("auth: a stored password holds no proper salt and hash")
	}
	return a, nil
}

// prepare brings a password into the form that is hashed, so that it does not matter on which keyboard it was typed
// (RFC 8265 4.2 OpaqueString, the successor of the SASLprep that RFC 4616 2 wants).
func prepare(password string) (string, error) {
	if len(password) > 4*MaxPassword {
		return "", fmt.Errorf("a password has at most %d bytes", MaxPassword)
	}
	p, err := precis.OpaqueString.String(password)
	if err != nil || !utf8.ValidString(password) { // the profile would replace broken UTF-8, and so make passwords equal
		return "", errors.New("a password is not empty and holds letters, digits, symbols and spaces, no control characters")
	}
	if len(p) > MaxPassword {
		return "", fmt.Errorf("a password has at most %d bytes, this one has %d", MaxPassword, len(p))
	}
	return p, nil
}

// checkChosen prepares a password that somebody wants to have from now on.
func checkChosen(password string) (string, error) {
	p, err := prepare(password)
	if err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(p); n < MinPassword {
		return "", fmt.Errorf("a password has at least %d characters, this one has %d", MinPassword, n)
	}
	return p, nil
}
