package imap

import "strings"

// FetchPreview asks for the beginning of the message's text (RFC 8970 3). With or without LAZY it is the same item: whether
// a preview can be had at once is the caller's to know.
const FetchPreview FetchKind = "PREVIEW"

func previewSyntax() extension {
	return extension{fetchItems: map[string]func(*parser) FetchItem{"PREVIEW": previewItem}}
}

// previewItem takes the modifiers behind PREVIEW. Where it is the only item, and not in a list, the modifiers of FETCH itself
// may follow in the same place.
func previewItem(p *parser) FetchItem {
	const lazy = " (LAZY"
	if len(p.line) > len(lazy) && strings.EqualFold(string(p.line[:len(lazy)]), lazy) {
		p.sp()
		p.list(func() {
			if p.name("a modifier") != "LAZY" {
				p.bad("unknown modifier of PREVIEW")
			}
		})
	}
	return FetchItem{Kind: FetchPreview}
}

// Preview is the beginning of the message's text; "" says that it has none (RFC 8970 3.2).
func (f *FetchResponse) Preview(text string) {
	f.name("PREVIEW ")
	f.e.string(text)
}
