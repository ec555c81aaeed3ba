package result

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sample() *Result {
	return &Result{
		Version: Version, Date: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Commit: "abc", Scale: "quick",
		Servers: []Server{
			{Name: "ours", Figures: []Figure{
				{Name: "rate", Unit: "/s", Better: More, Value: 5000, Samples: []float64{4800, 5100}},
				{Name: "select", Unit: "ms", Better: Less, Value: 2.5},
				{Name: "only ours", Unit: "ms", Better: Less, Value: 1},
			}},
			{Name: "theirs", Figures: []Figure{
				{Name: "rate", Unit: "/s", Better: More, Value: 1250},
				{Name: "select", Unit: "ms", Better: Less, Value: 10},
				{Name: "only theirs", Unit: "ms", Better: Less, Value: 1},
			}, Failures: []Failure{{"idle", "no EXISTS"}}},
		},
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := sample().Table(&b); err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(b.String()) {
		if fields := strings.Fields(line); len(fields) > 1 {
			rows[fields[0]+" "+fields[1]] = strings.Join(fields, " ")
		}
	}
	for key, want := range map[string]string{
		"rate /s":        "rate /s 5000 4800..5100 1250 4.00x",
		"select ms":      "select ms 2.50 10.0 4.00x",
		"only ours":      "only ours ms 1.00 -",
		"only theirs":    "only theirs ms - 1.00",
		"FAILED theirs,": "FAILED theirs, idle: no EXISTS",
	} {
		if rows[key] != want {
			t.Errorf("row %q, want %q in\n%s", rows[key], want, b.String())
		}
	}
}

func TestWriteNeverReplaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "results")
	for _, want := range []string{"2024-05-06-abc.json", "2024-05-06-abc-2.json"} {
		path, err := sample().Write(dir)
		if err != nil || filepath.Base(path) != want {
			t.Fatalf("wrote %s, %v; want %s", path, err, want)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var back Result
		if err := json.Unmarshal(text, &back); err != nil || back.Servers[1].Figures[0].Value != 1250 {
			t.Errorf("read back %+v, %v", back, err)
		}
	}
}

func TestMachineAndDisk(t *testing.T) {
	if m := ThisMachine(); m.Cores < 1 || m.Kernel == "" || !strings.Contains(m.String(), "cores") {
		t.Errorf("machine %+v", m)
	}
	dir := t.TempDir()
	d, err := MeasureDisk(dir, 3)
	if err != nil || d.Sync.Count != 3 || d.FileSystem == "" {
		t.Errorf("disk %+v, %v", d, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := MeasureDisk(filepath.Join(dir, "none"), 1); err == nil {
		t.Error("a folder that is not there was measured")
	}
	if c := Commit(dir); c != "unknown" {
		t.Errorf("commit %q outside a repository", c)
	}
}
