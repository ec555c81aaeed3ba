package db

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTurnQueue compares the queue with a list of lists, and checks that whoever waits is served within one round.
func TestTurnQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newTurnQueue()
		var ring [][]*job // the turns in the order they are served, each with its jobs
		find := func(turn int64) int {
			return slices.IndexFunc(ring, func(l []*job) bool { return l[0].turn == turn })
		}
		drop := func(i, k int) {
			if ring[i] = slices.Delete(ring[i], k, k+1); len(ring[i]) == 0 {
				ring = slices.Delete(ring, i, i+1)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				j := &job{turn: rapid.Int64Range(0, 4).Draw(t, "turn")}
				if err := q.put(j); err != nil {
					t.Fatal(err)
				}
				if i := find(j.turn); i >= 0 {
					ring[i] = append(ring[i], j)
				} else {
					ring = append(ring, []*job{j})
				}
			},
			"take": func(t *rapid.T) {
				j := q.take(false)
				if len(ring) == 0 {
					if j != nil {
						t.Fatal("a job out of nothing")
					}
					return
				}
				first := ring[0]
				if j != first[0] {
					t.Fatalf("took %v, want %v", j, first[0])
				}
				ring = ring[1:]
				if len(first) > 1 {
					ring = append(ring, first[1:])
				}
			},
			"withdraw": func(t *rapid.T) {
				if len(ring) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(ring)-1).Draw(t, "turn")
				k := rapid.IntRange(0, len(ring[i])-1).Draw(t, "job")
				j := ring[i][k]
				if !q.withdraw(j) || q.withdraw(j) {
					t.Fatal("a waiting job can be withdrawn once")
				}
				drop(i, k)
			},
			"": func(t *rapid.T) {
				n := 0
				for _, l := range ring {
					n += len(l)
				}
				if q.n != n || len(q.turns) != len(ring) {
					t.Fatalf("%d jobs of %d turns, want %d of %d", q.n, len(q.turns), n, len(ring))
				}
			},
		})
	})
}

func TestQueueIsBounded(t *testing.T) {
	q := newTurnQueue()
	for range MaxWaiting {
		if err := q.put(&job{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.put(&job{turn: 1}); err != errQueueFull {
		t.Errorf("one too many: %v", err)
	}
	if left := q.close(); len(left) != MaxWaiting {
		t.Errorf("%d jobs left at the end", len(left))
	}
	if err := q.put(&job{}); err != errClosed {
		t.Errorf("after close: %v", err)
	}
}

func FuzzSQLiteText(f *testing.F) {
	f.Add("SELECT $1 FROM \"$2\" WHERE a = '$3''$4' -- $5\nAND b = $16 /* $7 */")
	f.Add("'")
	f.Add("/*")
	f.Fuzz(func(t *testing.T, sql string) {
		out := sqliteText(sql)
		if len(out) != len(sql) {
			t.Fatalf("%q became %q", sql, out)
		}
		for i := range sql {
			if out[i] != sql[i] && (sql[i] != '$' || out[i] != '?') {
				t.Fatalf("%q became %q", sql, out)
			}
		}
	})
}

func TestSQLiteText(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT $1, $12":                    "SELECT ?1, ?12",
		"SELECT '$1''$2', \"$3\", `$4`, $5": "SELECT '$1''$2', \"$3\", `$4`, ?5",
		"SELECT 1 -- $1\n, $2":              "SELECT 1 -- $1\n, ?2",
		"SELECT /* $1 ' */ $2":              "SELECT /* $1 ' */ ?2",
		"SELECT 'it''s', $1":                "SELECT 'it''s', ?1",
		"SELECT $x, $":                      "SELECT $x, $",
	} {
		if out := sqliteText(in); out != want {
			t.Errorf("%q became %q, want %q", in, out, want)
		}
	}
}
