package tx

import (
	"context"
	"crypto/rand"
)

// InstanceID returns the random name of this database, which a copy of it has, too. What lies elsewhere and is this server's
// alone is marked with it. The first who asks gives it.
func (s *Store) InstanceID(ctx context.Context) (id string, err error) {
	ask := func(t *Tx) error { return t.sql.QueryRow(`SELECT id FROM instance WHERE one = 1`).Scan(&id) }
	if err := s.Read(ctx, ask); err != nil || id != "" {
		return id, err
	}
	fresh := rand.Text()
	err = s.Write(ctx, nil, func(t *Tx) error {
		if _, err := t.sql.Exec(`UPDATE instance SET id = $1 WHERE one = 1 AND id = ''`, fresh); err != nil {
			return err
		}
		return ask(t)
	})
	return id, err
}
