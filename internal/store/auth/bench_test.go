package auth

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// BenchmarkBearer is what a request costs that signs in by a token.
func BenchmarkBearer(b *testing.B) {
	s, err := tx.New(b.Context(), tx.Options{DB: dbtest.OnSQLite(b, schema.Files)()})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(b, s)
	tokens := w.tokens(b)
	for b.Loop() {
		if _, err := w.Bearer(b.Context(), tokens.Access); err != nil {
			b.Fatal(err)
		}
	}
}
