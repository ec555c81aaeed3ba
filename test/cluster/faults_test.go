//go:build system

package cluster

import (
	"flag"
	"regexp"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/table"
)

var only = flag.String("fault", "", "play only the faults whose names match this regular expression")

// TestFaults plays every fault and prints what became of what was acknowledged meanwhile.
func TestFaults(t *testing.T) {
	program, err := turnable()
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, program)
	var rows []table.Row
	for range *rounds {
		for _, f := range faults {
			if !wanted.MatchString(f.name) {
				continue
			}
			row, err := h.play(f)
			if err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
			if rows = append(rows, row); !row.Green() {
				t.Errorf("%s is red", f.name)
			}
			if err != nil {
				story(t, table.String(rows))
				t.FailNow() // what the harness has left half done would make the other rows red
			}
		}
	}
	story(t, table.String(rows))
}

// Where nodes are left that work, a client that has lost its connection finds one within elsewhere.
const elsewhere = 2 * time.Second

// faults are the rows of the table.
var faults = []fault{
	{"kill -9 a node", kill, table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: 15 * time.Second}},
	{"freeze a node for 30 s", freeze, table.Limits{Pause: 40 * time.Second, Reconnect: elsewhere, Notice: 40 * time.Second}},
	{"cut a node off from the database", cutFromDatabase, table.Limits{Pause: 40 * time.Second, Reconnect: elsewhere, Notice: 30 * time.Second}},
	{"cut a node off from S3", cutFromBodies, table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: 15 * time.Second}},
	{"S3 answers 500", failingBodies, table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: 15 * time.Second}},
	{"S3 is slow", slowBodies, table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: 15 * time.Second}},
	{"lose answers to COMMIT", loseCommits, table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: 15 * time.Second}},
	{"clocks 10 minutes wrong", turnClocks, table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: 15 * time.Second}},
	{"restart PostgreSQL", restartDatabase, table.Limits{Pause: 30 * time.Second, Notice: 30 * time.Second}},
	{"promote the standby", promote, table.Limits{Pause: 40 * time.Second, Notice: 30 * time.Second}},
}
