package search

import "bytes"

// in reports whether a text holds the string.
func (c *content) in(text []byte) bool { return find(text, c.text, c.rare) >= 0 }

// find returns where a text first holds s, -1 for nowhere. It looks for the character of it that is seldom in text, which
// is found many bytes at a time, and only there for the rest.
func find(text []byte, s string, rare int) int {
	if s == "" {
		return 0
	}
	after := len(s) - rare
	for at := rare; at+after <= len(text); at++ {
		i := bytes.IndexByte(text[at:len(text)-after+1], s[rare])
		if i < 0 {
			return -1
		}
		if at += i; string(text[at-rare:at+after]) == s {
			return at - rare
		}
	}
	return -1
}

// rarest is the index of the byte of s that is least often in text.
func rarest(s string) int {
	best := 0
	for i := range len(s) {
		if frequency(s[i]) < frequency(s[best]) {
			best = i
		}
	}
	return best
}

// often are characters in the order of how often they are in mail, whatever its language is.
const often = " EATIONSRLDHCUMPGBFVWYK.0,1:-/2=\n3<>4;5687@9_\"X)(J'ZQ"

// frequency ranks a byte of text in the form for comparing. Of the characters beyond ASCII the first byte tells the script
// and comes again and again, those after it tell characters apart.
func frequency(c byte) int {
	switch {
	case c >= 0xc0:
		return len(often)
	case c >= 0x80:
		return len(often) / 2
	}
	return ranks[c]
}

var ranks = func() (t [0x80]int) {
	for i := range len(often) {
		t[often[i]] = len(often) - i
	}
	return t
}()
