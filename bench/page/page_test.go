package page

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/result"
)

func sample() *result.Result {
	return &result.Result{
		Version: result.Version, Date: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Commit: "abc", Scale: "quick",
		Servers: []result.Server{
			{Name: "ours", Figures: []result.Figure{
				{Name: "smtp accepted", Unit: "mails/s", Better: result.More, Value: 5000},
				{Name: "imap of 10000, select", Unit: "ms", Better: result.Less, Value: 20},
				{Name: "imap of 10000, fetch bodies", Unit: "ms", Better: result.Less, Value: 14},
				{Name: "memory of an idle session (of 5000), PSS", Unit: "KiB", Better: result.Less, Value: 41},
				{Name: "idle server, PSS", Unit: "MiB", Better: result.Less, Value: 59},
				{Name: "lmtp accepted", Unit: "mails/s", Better: result.More, Value: 5},
			}},
			{Name: "their < own", Figures: []result.Figure{
				{Name: "smtp accepted", Unit: "mails/s", Better: result.More, Value: 1000},
				{Name: "imap of 10000, select", Unit: "ms", Better: result.Less, Value: 10},
				{Name: "imap of 10000, fetch bodies", Unit: "ms", Better: result.Less, Value: 10},
			}, Failures: []result.Failure{{Step: "lmtp", Error: "no door"}}},
		},
	}
}

func write(t *testing.T, r *result.Result) (page, picture string) {
	t.Helper()
	dir := t.TempDir()
	source, err := r.Write(filepath.Join(dir, "bench", "results"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "docs", "performance.md")
	if err := Write(path, source); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	drawing, err := os.ReadFile(filepath.Join(dir, "docs", "performance.svg"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), string(drawing)
}

func TestPage(t *testing.T) {
	page, _ := write(t, sample())
	for _, want := range []string{
		"| smtp accepted | mails/s | 5000 | 1000 | 5.00x | at least 2.50x |\n",
		"| imap of 10000, select | ms | 20.0 | 10.0 | 0.500x | at least 1.00x: **missed** |\n",
		"| imap of 10000, fetch bodies | ms | 14.0 | 10.0 | 0.714x | at least 0.667x |\n",
		"| memory of an idle session (of 5000), PSS | KiB | 41.0 |  |  | at most 40.0: **missed** |\n",
		"| idle server, PSS | MiB | 59.0 |  |  | at most 60.0 |\n",
		"| lmtp accepted | mails/s | 5.00 |  |  | at least 5.00x |\n", // nothing to compare with
		"**No figure**: their < own, lmtp: no door\n",
		"(../bench/results/2024-05-06-abc.json)",
		"(performance.svg)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

func TestPicture(t *testing.T) {
	_, picture := write(t, sample())
	bars := 0
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 1+3 { // the ground, and what both have
		t.Errorf("%d rectangles, want 4 in\n%s", bars, picture)
	}
}

func TestOneServerIsNoComparison(t *testing.T) {
	r := sample()
	r.Servers = r.Servers[:1]
	source, err := r.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(t.TempDir(), "p.md"), source); err == nil || !strings.Contains(err.Error(), "two are needed") {
		t.Errorf("error %v", err)
	}
}

// The published page is what its results give: nobody has edited it.
func TestPublishedPageIsCurrent(t *testing.T) {
	const docs = "../../docs"
	published, err := os.ReadFile(filepath.Join(docs, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // as the repository, so that links are the same
	for _, folder := range []string{"docs", "bench/results"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	page := filepath.Join(dir, "docs/performance.md")
	before, cluster, hasCluster := strings.Cut(string(published), clusterHeading)
	before, web, hasWeb := strings.Cut(before, webHeading)
	if err := Write(page, sourceOf(t, before, docs, dir)); err != nil {
		t.Fatal(err)
	}
	if hasCluster {
		if err := WriteCluster(page, sourceOf(t, cluster, docs, dir)); err != nil {
			t.Fatal(err)
		}
	}
	if hasWeb {
		if err := WriteWeb(page, sourceOf(t, web, docs, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"performance.md", "performance.svg"} {
		want, err := os.ReadFile(filepath.Join(dir, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(docs, name)); err != nil || string(got) != string(want) {
			t.Errorf("docs/%s is not what mailload page makes of its results (%v): run `mailload page`", name, err)
		}
	}
}

// sourceOf copies the result that a part of the page was made from to the same place in another folder.
func sourceOf(t *testing.T, part, docs, dir string) string {
	t.Helper()
	_, after, _ := strings.Cut(part, "(bench/page) from ")
	source, _, found := strings.Cut(after, ": do not edit")
	if !found {
		t.Fatal("the page does not say what it was made from")
	}
	text, err := os.ReadFile(filepath.Join(docs, source))
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "docs", source)
	if err := os.WriteFile(copied, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return copied
}

// The part about clusters stands beside the other, and stays when that is made again.
func TestClusterPart(t *testing.T) {
	dir := t.TempDir()
	source, err := sample().Write(filepath.Join(dir, "bench/results"))
	if err != nil {
		t.Fatal(err)
	}
	figures := func(rate, cpu float64) []result.Figure {
		return []result.Figure{
			{Name: "deliveries of 10 KiB", Unit: "mails/s", Better: result.More, Value: rate},
			{Name: "CPU of nodes and database, 1,000 deliveries", Unit: "s", Better: result.Less, Value: cpu},
			{Name: "idle node, RSS", Unit: "MiB", Better: result.Less, Value: 130},
		}
	}
	r := &result.Result{Date: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Commit: "abc", Servers: []result.Server{
		{Name: "1 node", Figures: figures(1100, 1)}, {Name: "3 nodes", Figures: figures(1020, 1.1)}}}
	cluster, err := r.Write(filepath.Join(dir, "bench/results"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "docs/performance.md")
	for _, write := range []func() error{
		func() error { return Write(path, source) }, func() error { return WriteCluster(path, cluster) },
		func() error { return WriteCluster(path, cluster) }, func() error { return Write(path, source) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| smtp accepted | mails/s | 5000 |",
		"| deliveries of 10 KiB | mails/s | 1100 | 1020 | at least 1000 |\n",
		"| CPU of nodes and database, 1,000 deliveries | s | 1.00 | 1.10 | at most 1.15x of the first |\n",
		"| idle node, RSS | MiB | 130 | 130 | at most 120: **missed** |\n",
		"(../bench/results/2024-05-06-abc-2.json)",
	} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("not once %q in\n%s", want, text)
		}
	}
}
