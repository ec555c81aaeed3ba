package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailmesh/mailmesh/bench/result"
)

// headings begin the parts of the page that have results of their own, in their order, behind what Write makes.
var headings = []string{webHeading, clusterHeading}

// parts of a page, by their headings; what is before them has none.
type parts map[string]string

func readParts(path string) (parts, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all, rest := parts{}, string(text)
	for _, heading := range []string{clusterHeading, webHeading} { // from the end on
		before, part, found := strings.Cut(rest, heading)
		if found {
			all[heading], rest = heading+part, before
		}
	}
	all[""] = rest
	return all, nil
}

func (p parts) write(path string) error {
	text := p[""]
	for _, heading := range headings {
		text += p[heading]
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// writePart puts one part on the page, which must be there, and leaves the others as they are.
func writePart(path, heading, part string) error {
	all, err := readParts(path)
	if err != nil {
		return err
	}
	if all[""] == "" {
		return fmt.Errorf("%s: there is no such page: make it by mailload run --page", path)
	}
	all[heading] = part
	return all.write(path)
}

// read is the result in the file source, and the way to it from a page.
func read(path, source string) (r result.Result, link string, err error) {
	text, err := os.ReadFile(source)
	if err != nil {
		return r, "", err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, "", fmt.Errorf("%s: %w", source, err)
	}
	if len(r.Servers) == 0 {
		return r, "", fmt.Errorf("%s has no figures", source)
	}
	link, err = filepath.Rel(filepath.Dir(path), source)
	return r, filepath.ToSlash(link), err
}
