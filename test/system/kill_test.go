//go:build system

package system

import (
	"context"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/soak"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

var (
	rounds         = flag.Int("rounds", 30, "rounds of the kill test")
	postgresRounds = flag.Int("postgres-rounds", 5, "rounds of the kill test on PostgreSQL")
	seed           = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the moments at which the kill test kills")
)

// Promises 1 and 2: whatever was answered 250 is there exactly once with its exact bytes, whenever the server was killed;
// UIDs only grow and no counter is wrong.
func TestKill(t *testing.T) { testKill(t, newServer(t), *rounds) }

// The same where rows and bodies lie in PostgreSQL, which goes on.
func TestKillOnPostgres(t *testing.T) {
	url := dbtest.PostgresURL(t, nil)
	testKill(t, newServerWith(t, []string{"MAILMESH_CONFIG_DATABASE=" + url}), *postgresRounds)
}

func testKill(t *testing.T, s *server, rounds int) {
	t.Logf("repeat with -seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	accounts := s.addAccounts(5)
	passwords := map[string]string{}
	for _, a := range accounts {
		passwords[a] = password
	}
	journals, state := t.TempDir(), filepath.Join(t.TempDir(), "state.json")
	var acked, doubt uint64
	idle := 0 // rounds in which nothing was accepted: a disk that others use may keep a sync waiting for all of one
	for round := range rounds {
		load := make(chan *soak.Report, 1)
		go func() {
			report, err := soak.Run(context.Background(), soak.Options{Addr: s.ready.SMTP, Connections: 32, From: "load@example.net",
				To: accounts, PerMail: 1 + round%3, Size: 2 << 10, MaxSize: 64 << 10, Dir: journals})
			if err != nil {
				t.Error(err)
			}
			load <- report
		}()
		time.Sleep(time.Duration(100+random.IntN(400)) * time.Millisecond) // the load runs for this long: not a wait for anything
		s.kill()
		report := <-load
		acked, doubt = acked+report.Acked, doubt+report.InDoubt
		if report.Acked == 0 {
			idle++
		}
		if round%10 == 9 {
			s.verify()
		}
		s.start()
		checked, err := soak.Check(context.Background(), soak.CheckOptions{Addr: s.ready.IMAP, Accounts: passwords, Dir: journals,
			IMAP: imap.Options{}, State: state, NewOnly: round < rounds-1, Atomic: true})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := checked.Err(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	if idle > rounds/5 {
		t.Errorf("nothing was accepted in %d of %d rounds: they prove nothing", idle, rounds)
	}
	t.Logf("%d rounds, %d recipients acknowledged, %d in doubt", rounds, acked, doubt)
	s.stop()
	s.verify()
}
