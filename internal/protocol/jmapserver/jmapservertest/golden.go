package jmapservertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// golden is a file.
type golden struct {
	Using []string `json:"using"`
	As    string   `json:"as"`
	Steps []struct {
		Calls     []ijson.Value   `json:"calls"`
		Created   json.RawMessage `json:"createdIds"`
		Responses []any           `json:"responses"`
	} `json:"steps"`
}

// Golden plays the files that a pattern matches, each on a server of its own that open makes; open also gives the variables of
// the file, by their names without "$".
func Golden(t *testing.T, pattern string, open func(t *testing.T) (*Server, map[string]string)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files are %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := ijson.Strict(text, &g); err != nil {
				t.Fatal(err)
			}
			s, names := open(t)
			s.play(t, &g, names)
		})
	}
}

func (s *Server) play(t *testing.T, g *golden, given map[string]string) {
	vars := map[string]string{"ann": doortest.Ann.String(), "bob": doortest.Bob.String()}
	for name, value := range given {
		vars[name] = value
	}
	using, who := g.Using, doortest.Ann
	if using == nil {
		using = s.All()
	}
	if g.As == doortest.BobAddress {
		who = doortest.Bob
	}
	for i, step := range g.Steps {
		calls, err := ijson.Marshal(step.Calls)
		s.Must(err)
		req := &method.Request{Using: using}
		s.Must(ijson.Unmarshal([]byte(fill(t, string(calls), vars)), &req.Calls))
		resp, err := s.Do(s.User(who), req).Bytes("")
		s.Must(err)
		var got struct {
			Responses []any `json:"methodResponses"`
		}
		s.Must(json.Unmarshal(resp, &got))
		if err := match(step.Responses, any(got.Responses), vars, "responses"); err != nil {
			t.Fatalf("step %d: %v\n%s", i+1, err, resp)
		}
	}
}

var variable = regexp.MustCompile(`\$[A-Za-z][A-Za-z0-9]*`)

// fill puts values in the place of variables. A "$" before what is no variable (a keyword such as $seen) stays.
func fill(_ *testing.T, text string, vars map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		if v, known := vars[name[1:]]; known {
			return v
		}
		return name
	})
}

// match compares what is wanted with what was answered.
func match(want, got any, vars map[string]string, where string) error {
	switch w := want.(type) {
	case string:
		if w == "$*" {
			return nil
		}
		text, is := got.(string)
		if name := strings.TrimPrefix(w, "$"); is && variable.FindString(w) == w {
			if _, known := vars[name]; !known {
				vars[name] = text
			}
			w = vars[name]
		}
		if !is || fill(nil, w, vars) != text {
			return fmt.Errorf("%s is %v, want %q", where, got, w)
		}
		return nil
	case []any:
		g, is := got.([]any)
		if !is || len(g) != len(w) {
			return fmt.Errorf("%s is %v, want %d elements", where, got, len(w))
		}
		for i := range w {
			if err := match(w[i], g[i], vars, fmt.Sprintf("%s/%d", where, i)); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		return matchObject(w, got, vars, where)
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s is %v, want %v", where, got, want)
	}
	return nil
}

func matchObject(want map[string]any, got any, vars map[string]string, where string) error {
	g, is := got.(map[string]any)
	if !is {
		return fmt.Errorf("%s is %v, want an object", where, got)
	}
	left := make(map[string]any, len(g))
	for name, v := range g {
		left[name] = v
	}
	// In order: the ids of what is created are variables in the names of what is updated.
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if name == "..." {
			continue
		}
		w := want[name]
		name = fill(nil, name, vars)
		v, there := g[name]
		if !there {
			return fmt.Errorf("%s has no %q", where, name)
		}
		if err := match(w, v, vars, where+"/"+name); err != nil {
			return err
		}
		delete(left, name)
	}
	if len(left) > 0 && want["..."] == nil {
		return fmt.Errorf("%s has besides %v", where, left)
	}
	return nil
}
