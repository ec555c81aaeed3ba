package message

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// node is the model of a part: what is written, and what Parse must find again.
type node struct {
	mainType, subtype string
	body              string // of a leaf
	children          []*node
	boundary          string
}

// drawNode draws a tree. Boundaries are drawn from few letters, so that some are prefixes of others, and none twice.
func drawNode(t *rapid.T, depth int, boundaries map[string]bool) *node {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 3).Draw(t, "kind")
	}
	switch kind {
	case 1, 2:
		n := &node{mainType: "multipart", subtype: rapid.SampledFrom([]string{"mixed", "alternative", "digest"}).Draw(t, "subtype")}
		n.boundary = rapid.StringMatching(`[ab]{1,6}`).Filter(func(s string) bool { return !boundaries[s] }).Draw(t, "boundary")
		boundaries[n.boundary] = true
		for range rapid.IntRange(1, 4).Draw(t, "children") {
			n.children = append(n.children, drawNode(t, depth-1, boundaries))
		}
		return n
	case 3:
		return &node{mainType: "message", subtype: "rfc822", children: []*node{drawNode(t, depth-1, boundaries)}}
	}
	body := rapid.StringMatching(`([ab\-\x{0d}]{0,4}\n?){0,4}`).Draw(t, "body")
	body = strings.ReplaceAll(body, "--", "x")
	body = strings.TrimRight(body, "\r") // before a bare LF it would be part of a line end
	return &node{mainType: "text", subtype: "x" + rapid.StringMatching(`[a-z]{0,3}`).Draw(t, "subtype"), body: body}
}

// write gives the entity's bytes.
func (n *node) write(b *strings.Builder, eol string) {
	fmt.Fprintf(b, "Content-Type: %s/%s; boundary=%q%s%s", n.mainType, n.subtype, n.boundary, eol, eol)
	switch n.mainType {
	case "text":
		b.WriteString(n.body)
	case "message":
		n.children[0].write(b, eol)
	default:
		b.WriteString("preamble" + eol)
		for _, child := range n.children {
			b.WriteString("--" + n.boundary + eol)
			child.write(b, eol)
			b.WriteString(eol)
		}
		b.WriteString("--" + n.boundary + "--" + eol + "epilogue")
	}
}

func (n *node) outline() string {
	s := n.mainType + "/" + n.subtype
	if n.mainType == "text" {
		return s + fmt.Sprintf("%q", n.body)
	}
	var children []string
	for _, child := range n.children {
		children = append(children, child.outline())
	}
	return s + "(" + strings.Join(children, " ") + ")"
}

// TestModel: a tree that is written and parsed is the same tree, in any cut of its bytes, and so is its binary form.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		root := drawNode(rt, 5, map[string]bool{})
		var b strings.Builder
		root.write(&b, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "line end"))
		content := b.String()
		cut := rapid.IntRange(0, len(content)).Draw(rt, "cut")
		s := NewSummarizer(Limits{})
		s.Write([]byte(content[:cut]))
		s.Write([]byte(content[cut:]))
		sum := s.Close()
		if got := outline(content, sum.Root); got != root.outline() {
			rt.Fatalf("%q\n got %s\nwant %s", content, got, root.outline())
		}
		roundTrip(t, sum)
	})
}
