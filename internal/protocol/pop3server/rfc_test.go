package pop3server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/test/requirements"
)

// Every capability that the server announces, in any state, has its list in docs/rfc, and every test that a list names
// exists.
func TestRequirementsAreTested(t *testing.T) {
	announced := []string{"POP3", "STLS", "USER", "SASL", "IMPLEMENTATION"}
	for _, c := range Capabilities {
		name, _, _ := strings.Cut(c, " ")
		announced = append(announced, name)
	}
	requirements.Check(t, root, "POP3 capability", announced)
}

// RFC 2449 6.4: a text that begins with a bracket would be taken for a response code.
func TestTextsBeginWithNoBracket(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		code, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(code, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is || len(call.Args) != 1 {
				return true
			}
			name, is := call.Fun.(*ast.Ident)
			text, isText := call.Args[0].(*ast.BasicLit)
			if is && isText && (name.Name == "ok" || name.Name == "bad" || name.Name == "refused" || name.Name == "temporary") && strings.HasPrefix(text.Value, `"[`) {
				t.Errorf("%s: %s", file, text.Value)
			}
			return true
		})
	}
	if got := string(temporary("text").appendTo(nil)); got != "-ERR [SYS/TEMP] text\r\n" {
		t.Errorf("got %q", got)
	}
}
