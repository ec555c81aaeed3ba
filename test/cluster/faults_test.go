//go:build system

package cluster

import (
	"flag"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/table"
)

var only = flag.String("fault", "", "play only the faults whose names match this regular expression")

// verifyEvery is after how many rows `mailmesh verify` runs.
const verifyEvery = 5

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
	playing := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return !wanted.MatchString(f.name) })
	var rows []table.Row
	for range *rounds {
		for i, f := range playing {
			// It reads all bodies of all rows until now.
			verify := i%verifyEvery == verifyEvery-1 || i == len(playing)-1
			row, err := h.play(f, verify)
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

// What was lost of the news is found by asking within slowPoll, and a little more until it is told.
const slowPoll = 17 * time.Second

// faults are the rows of the table.
var faults = []fault{
	{name: "kill -9 a node", strike: kill, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "kill -9 a node, haproxy in front", strike: kill, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}, front: true},
	{name: "freeze a node for 30 s", strike: freeze, limits: table.Limits{Pause: 40 * time.Second, Reconnect: elsewhere, Notice: 40 * time.Second}},
	{name: "cut a node off from the database", strike: cutFromDatabase, limits: table.Limits{Pause: 40 * time.Second, Reconnect: elsewhere, Notice: 30 * time.Second}},
	{name: "cut a node off from the others", strike: cutFromNodes, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "cut a node off from all", strike: cutFromAll, limits: table.Limits{Pause: 40 * time.Second, Reconnect: elsewhere, Notice: 30 * time.Second}},
	{name: "drop every event", strike: dropEvents, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "delay every event by 2 s", strike: delayEvents, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "cut a node off from S3", strike: cutFromBodies, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "S3 answers 500", strike: failingBodies, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "S3 is slow", strike: slowBodies, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "clients give up before S3 answers", strike: outlastClients, limits: table.Limits{Pause: 30 * time.Second, Reconnect: elsewhere, Notice: slowPoll}, giveUp: 2 * time.Second},
	{name: "lose answers to COMMIT", strike: loseCommits, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "clocks 10 minutes wrong", strike: turnClocks, limits: table.Limits{Pause: 20 * time.Second, Reconnect: elsewhere, Notice: slowPoll}},
	{name: "restart PostgreSQL", strike: restartDatabase, limits: table.Limits{Pause: 30 * time.Second, Notice: 30 * time.Second}},
	{name: "promote the standby", strike: promote, limits: table.Limits{Pause: 40 * time.Second, Notice: 30 * time.Second}},
}
