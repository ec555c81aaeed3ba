//go:build system

package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAlerts(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "--lint-fatal", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		if out, complaints, err := run(t, root+"/deploy/prometheus", "promtool", args...); err != nil {
			t.Errorf("promtool %v: %v\n%s%s", args, err, out, complaints)
		}
	}
	known(t, "alerts.yaml", read(t, "deploy/prometheus/alerts.yaml"))
	known(t, "alerts_test.yaml", read(t, "deploy/prometheus/alerts_test.yaml"))
}

type panel struct {
	ID      int
	Title   string
	Type    string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ RefID, Expr string }
}

func TestDashboard(t *testing.T) {
	text := read(t, "deploy/grafana/dashboard.json")
	var board struct{ Panels []panel }
	if err := json.Unmarshal([]byte(text), &board); err != nil {
		t.Fatal(err)
	}
	known(t, "the dashboard", text)
	var asked []map[string]any
	ids, taken := map[int]bool{}, map[string]string{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("panel %d is there twice", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%q asks for nothing", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				at := fmt.Sprint(x, " ", y)
				if taken[at] != "" || x >= 24 {
					t.Fatalf("%q lies on %q, or outside", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		for i, target := range p.Targets {
			asked = append(asked, map[string]any{"record": fmt.Sprintf("panel%d:%d", p.ID, i), "expr": plain.Replace(target.Expr)})
		}
	}
	// What Prometheus reads as rules are questions that it understands.
	rules, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": asked}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, rules, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, complaints, err := run(t, "", "promtool", "check", "rules", file); err != nil {
		t.Errorf("promtool: %v\n%s%s", err, out, complaints)
	}
}

// plain puts in what Grafana would.
var plain = strings.NewReplacer("$__rate_interval", "1m", "$instance", "a")
