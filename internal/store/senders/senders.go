// Package senders remembers reverse-paths of forwarded mail that are too long to be written into the ones it goes on with
// (rfc/srs): those of bulk senders, who put their recipient's address and more into them. A report that comes back finds the
// sender here.
//
// A sender is kept once, under a token that is a hash of it, until Kept after mail of it was forwarded last. Keep belongs to the commit
// that forwards the mail. It writes one row and waits for no answer.
package senders

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Kept is how long a sender is remembered: longer than an address of rfc/srs is good for.
const Kept = 35 * 24 * time.Hour

// forgetRows is how many rows one commit forgets.
const forgetRows = 1000

// Store is the room. It keeps nothing of its own and is safe for concurrent use.
type Store struct{}

// New returns a Store.
func New() *Store { return &Store{} }

// Keep remembers a sender and returns its token: sixteen letters and digits, whatever their case.
func (s *Store) Keep(t *tx.Tx, sender mail.Address) string {
	sum := sha256.Sum256([]byte(sender.String()))
	token := base32.HexEncoding.EncodeToString(sum[:10])
	t.SQL().Queue(`INSERT INTO long_sender (token, sender, used) VALUES ($1, $2, $3) ON CONFLICT (token) DO UPDATE SET used = excluded.used`,
		token, sender.String(), t.Now())
	return token
}

// Sender returns the sender that a token, in upper case, stands for; mail.NotFound when it was forgotten.
func (s *Store) Sender(t *tx.Tx, token string) (mail.Address, error) {
	var text string
	err := t.SQL().QueryRow(`SELECT sender FROM long_sender WHERE token = $1`, token).Scan(&text)
	if errors.Is(err, db.ErrNoRows) {
		return mail.Address{}, mail.E("senders.Sender", mail.NotFound, fmt.Errorf("no sender is kept as %.40q", token))
	}
	if err != nil {
		return mail.Address{}, err
	}
	return mail.ParseAddress(text)
}

// Forget removes senders of whom nothing was forwarded for long, some of them, and says whether there may be more.
func (s *Store) Forget(t *tx.Tx) (more bool, err error) {
	n, err := t.SQL().Exec(`DELETE FROM long_sender WHERE token IN (SELECT token FROM long_sender WHERE used < $1 ORDER BY used LIMIT $2)`,
		t.Now().Add(-Kept), forgetRows)
	return n == forgetRows, err
}
