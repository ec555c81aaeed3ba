package config

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines finds where a file sets its keys: line numbers by the dotted names, however TOML lets a key be written: below a
// section, with dots, in quotes, in an inline table. Behind a fault of syntax it finds nothing.
func lines(text []byte) map[string]int {
	found := map[string]int{}
	var p unstable.Parser
	p.Reset(text)
	section := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			section, _ = keyName(&p, e)
			section += "."
		case unstable.KeyValue:
			note(&p, found, section, e)
		}
	}
	return found
}

// note notes the line of a key, and of those in its inline table.
func note(p *unstable.Parser, found map[string]int, section string, e *unstable.Node) {
	name, line := keyName(p, e)
	name = section + name
	if found[name] == 0 {
		found[name] = line
	}
	if e.Value().Kind != unstable.InlineTable {
		return
	}
	for inner := e.Value().Children(); inner.Next(); {
		if inner.Node().Kind == unstable.KeyValue {
			note(p, found, name+".", inner.Node())
		}
	}
}

func keyName(p *unstable.Parser, e *unstable.Node) (name string, line int) {
	var parts []string
	for k := e.Key(); k.Next(); {
		parts = append(parts, string(k.Node().Data))
		line = p.Shape(k.Node().Raw).Start.Line
	}
	return strings.Join(parts, "."), line
}
