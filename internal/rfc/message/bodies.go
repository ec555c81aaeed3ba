package message

import "slices"

// Bodies sorts the parts of a message as RFC 8621 4.1.4 describes: what to show as its text, as plain text or as HTML,
// and what to offer as attachments. One part may be in several lists.
type Bodies struct{ Text, HTML, Attachments []*Part }

// Bodies sorts the parts below the root p.
func (p *Part) Bodies() Bodies {
	var b Bodies
	b.sort([]*Part{p}, "mixed", false, true, true)
	return b
}

// sort takes the children of one multipart. wantText and wantHTML tell whether the list is still open: an alternative
// that has begun in one form closes the other.
func (b *Bodies) sort(parts []*Part, subtype string, inAlternative, wantText, wantHTML bool) {
	texts, htmls := len(b.Text), len(b.HTML)
	for i, p := range parts {
		switch {
		case p.IsMultipart():
			b.sort(p.Children, p.Subtype, inAlternative || p.Subtype == "alternative", wantText, wantHTML)
		case !p.shownInline(i, subtype):
			b.Attachments = append(b.Attachments, p)
		case subtype == "alternative":
			b.alternative(p, wantText, wantHTML)
		default:
			if inAlternative {
				wantHTML = wantHTML && !p.Is("text", "plain")
				wantText = wantText && !p.Is("text", "html")
			}
			if wantText {
				b.Text = append(b.Text, p)
			}
			if wantHTML {
				b.HTML = append(b.HTML, p)
			}
			if (!wantText || !wantHTML) && p.isMedia() {
				b.Attachments = append(b.Attachments, p)
			}
		}
	}
	// An alternative in one form only serves for both.
	if subtype == "alternative" && wantText && wantHTML {
		switch {
		case texts == len(b.Text) && htmls != len(b.HTML):
			b.Text = append(b.Text, b.HTML[htmls:]...)
		case htmls == len(b.HTML) && texts != len(b.Text):
			b.HTML = append(b.HTML, b.Text[texts:]...)
		}
	}
}

func (b *Bodies) alternative(p *Part, wantText, wantHTML bool) {
	switch {
	case p.Is("text", "plain"):
		if wantText {
			b.Text = append(b.Text, p)
		}
	case p.Is("text", "html"):
		if wantHTML {
			b.HTML = append(b.HTML, p)
		}
	default:
		b.Attachments = append(b.Attachments, p)
	}
}

// shownInline: a body or a picture among the text, not a file.
func (p *Part) shownInline(index int, subtype string) bool {
	body := p.Is("text", "plain") || p.Is("text", "html")
	if p.Disposition == "attachment" || !body && !p.isMedia() {
		return false
	}
	return index == 0 || subtype != "related" && (p.isMedia() || p.Filename() == "")
}

func (p *Part) isMedia() bool { return p.Type == "image" || p.Type == "audio" || p.Type == "video" }

// HasAttachment reports whether the message has something a user would call an attachment: one of Bodies' attachments
// that is neither said to be inline, nor a picture its HTML refers to, nor a signature.
func (p *Part) HasAttachment() bool {
	return slices.ContainsFunc(p.Bodies().Attachments, func(a *Part) bool {
		if a.Disposition == "inline" || a.isMedia() && a.ID != "" && a.Disposition != "attachment" {
			return false
		}
		switch a.Subtype {
		case "pgp-signature", "pkcs7-signature", "x-pkcs7-signature":
			return false
		}
		return true
	})
}
