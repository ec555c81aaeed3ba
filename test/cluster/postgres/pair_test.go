package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func rows(t *testing.T, s *Server) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL(User))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A row that the primary has acknowledged is on the standby when that is promoted, and the old primary comes back as its standby.
func TestPromoteAndRejoin(t *testing.T) {
	ctx := t.Context()
	p := ForTest(t, Options{})
	execute(t, p.Primary().URL(User), "CREATE TABLE kept (n int)")
	execute(t, p.Primary().URL(User), "INSERT INTO kept VALUES (1)")
	old := p.Primary()
	for _, step := range []func() error{old.Kill, func() error { return p.Promote(ctx) }} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if p.Primary() == old || rows(t, p.Primary()) != 1 {
		t.Fatalf("the promoted server has %d rows, want 1", rows(t, p.Primary()))
	}
	execute(t, p.Primary().URL(User), "INSERT INTO kept VALUES (2)")
	if err := p.Rejoin(ctx); err != nil {
		t.Fatal(err)
	}
	execute(t, p.Primary().URL(User), "INSERT INTO kept VALUES (3)")
	if err := p.Primary().Restart(ctx); err != nil {
		t.Fatal(err)
	}
	// synchronous_commit=on waits for the standby's disk, not for what its readers see.
	deadline := time.Now().Add(10 * time.Second)
	for rows(t, p.Standby()) != 3 {
		if time.Now().After(deadline) {
			t.Fatalf("the standby has %d rows, want 3", rows(t, p.Standby()))
		}
	}
}

// A frozen server answers nothing and keeps its connections; thawed it goes on.
func TestFreeze(t *testing.T) {
	p := ForTest(t, Options{Single: true})
	conn, err := pgx.Connect(t.Context(), p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := p.Primary().Freeze(); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT 1")
		answer <- err
	}()
	select {
	case err := <-answer:
		t.Errorf("a frozen server answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := p.Primary().Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Error(err)
	}
}
