//go:build system

package cluster

import (
	"testing"

	"github.com/mailmesh/mailmesh/test/cluster/table"
	"github.com/mailmesh/mailmesh/test/cluster/variant"
)

// safeguards are what keeps the promises, each with the changes that take it out and a fault under which that must show.
var safeguards = []struct {
	name    string
	changes []variant.Change
	fault   fault
}{
	{
		name: "the delivery key",
		changes: []variant.Change{{File: "internal/store/tx/store.go",
			Old: "answered, err := t.lock(accounts, &key)", New: "key = NewKey()\n\t\tanswered, err := t.lock(accounts, &key)"}},
		fault: fault{name: "lose answers to COMMIT", strike: loseCommits},
	},
	{
		name: "the fence of the spool",
		changes: []variant.Change{{File: "internal/store/spool/finish.go",
			Old: "if !m.covers(results, mine) {", New: "if false {"}},
		fault: fault{name: "freeze a node until its work is taken over", strike: freezeBriefly},
	},
	{
		name: "acknowledged after the sync",
		changes: []variant.Change{
			{File: "internal/infra/db/postgres.go", Old: `"application_name":`, New: `"synchronous_commit": "off", "application_name":`},
			{File: "internal/infra/db/postgres_host.go", Old: `id.commit != "on" && id.commit != "remote_apply"`, New: `id.commit == ""`},
		},
		fault: fault{name: "promote the standby", strike: promote},
	},
}

// TestProof is the proof of the proof: with one safeguard taken out the table goes red.
func TestProof(t *testing.T) {
	for _, s := range safeguards {
		t.Run(s.name, func(t *testing.T) {
			program, err := variant.Build(t.TempDir(), true, s.changes...)
			if err != nil {
				t.Fatal(err)
			}
			row, err := newHarness(t, program).play(s.fault, true)
			if err != nil {
				t.Fatal(err)
			}
			row.Fault += ", without " + s.name
			story(t, table.String([]table.Row{row}))
			if row.Lost+row.Doubled+len(row.Wrong) == 0 {
				t.Errorf("%s was taken out, and the table does not show it", s.name)
			}
		})
	}
}
