package message

import (
	"bytes"
	"math/rand/v2"
)

// Text is a long run of made-up prose from which message bodies are cut, so
// that making a message costs no more than finding a place in it. Every line
// ends with CRLF, has at most 76 characters and never begins with a dot, so a
// cut needs no dot-stuffing. It is read-only and shared by all generators.
type Text struct {
	bytes []byte
	lines []int // where lines begin
	words []string
}

const (
	vocabulary = 4000
	lineWidth  = 72
)

// NewText makes at least size bytes of text; the same seed makes the same text.
func NewText(seed uint64, size int) *Text {
	rng := rand.New(rand.NewPCG(seed, 0x6d61696c))
	t := &Text{words: newWords(rng), bytes: make([]byte, 0, size+256)}
	zipf := rand.NewZipf(rng, 1.07, 8, vocabulary-1)
	sentence, paragraph := 0, 0
	line := make([]byte, 0, 128)
	flush := func() {
		t.lines = append(t.lines, len(t.bytes))
		t.bytes = append(append(t.bytes, line...), '\r', '\n')
		line = line[:0]
	}
	for len(t.bytes) < size {
		word := t.nextWord(rng, zipf)
		if sentence == 0 {
			word = string(bytes.ToUpper([]byte(word[:1]))) + word[1:]
			sentence = 4 + rng.IntN(16)
		}
		if sentence--; sentence == 0 {
			word += "."
			paragraph++
		}
		if len(line)+1+len(word) > lineWidth {
			flush()
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = append(line, word...)
		if sentence == 0 && paragraph%5 == 0 {
			flush()
			flush() // an empty line between paragraphs
		}
	}
	flush()
	return t
}

// nextWord is mostly prose; one word in twelve is a token without structure, as
// links, numbers and identifiers are in real mail. The share is chosen so that
// a message of 10 KiB compresses about twofold, as measured by the test.
func (t *Text) nextWord(rng *rand.Rand, zipf *rand.Zipf) string {
	if rng.IntN(12) != 0 {
		return t.words[zipf.Uint64()]
	}
	const symbols = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	token := make([]byte, 6+rng.IntN(12))
	for i := range token {
		token[i] = symbols[rng.IntN(len(symbols))]
	}
	return string(token)
}

func newWords(rng *rand.Rand) []string {
	onsets := []string{"b", "br", "c", "ch", "d", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "r", "s", "sh", "st", "t", "tr", "v", "w"}
	nuclei := []string{"a", "e", "i", "o", "u", "ai", "ea", "ee", "ou"}
	codas := []string{"", "", "", "n", "r", "s", "t", "l", "nd", "ng"}
	words := make([]string, vocabulary)
	for i := range words {
		var w string
		for range 1 + rng.IntN(3) {
			w += onsets[rng.IntN(len(onsets))] + nuclei[rng.IntN(len(nuclei))]
		}
		words[i] = w + codas[rng.IntN(len(codas))]
	}
	return words
}

// cut is n bytes from the beginning of some line on. The last byte may be
// anywhere in a line but is never the CR of a CRLF: then the cut is one shorter.
func (t *Text) cut(rng *rand.Rand, n int) []byte {
	// Lines before the first that is too near to the end.
	start := t.lines[rng.IntN(t.startsFor(n))]
	window := t.bytes[start : start+n]
	if n > 0 && window[n-1] == '\r' {
		return window[:n-1]
	}
	return window
}

// startsFor is how many lines have n bytes from their beginning on.
func (t *Text) startsFor(n int) int {
	limit := len(t.bytes) - n
	low, high := 1, len(t.lines)
	for low < high {
		mid := (low + high) / 2
		if t.lines[mid] <= limit {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
