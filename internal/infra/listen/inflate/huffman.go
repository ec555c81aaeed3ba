package inflate

// lengths and distances are the tables of RFC 1951 3.2.5.
var (
	lengths   = spans(3, 28, 4)
	distances = spans(1, maxDistance, 2)
)

// spans makes a table whose values follow each other; after the first two groups, each group of values has a bit more.
func spans(least, n, group int) []span {
	all := make([]span, 0, n+1)
	for i := range n {
		bits := max(0, i/group-1)
		all = append(all, span{uint16(least), uint8(bits)})
		least += 1 << bits
	}
	if group == 4 {
		all = append(all, span{258, 0}) // a symbol of its own, though the one before could say it
	}
	return all
}

// huffman is a code whose words are ordered by length, and within a length by symbol (RFC 1951 3.2.2).
type huffman struct {
	count   [maxBits + 1]uint16 // words of each length
	symbols [288]uint16         // in the order of their words
}

// newHuffman makes the code in which each symbol has a word of the given length, 0 for none. A code with words to spare is an
// error but for one that has a single word, of one bit (RFC 1951 3.2.7), or none.
func newHuffman(lengths []uint8) (h huffman, err error) {
	for _, n := range lengths {
		h.count[n]++
	}
	spare, words := 1, 0
	for n := 1; n <= maxBits; n++ {
		spare = spare<<1 - int(h.count[n])
		words += int(h.count[n])
		if spare < 0 {
			return h, ErrCorrupt // more words than there can be
		}
	}
	if spare > 0 && (words > 1 || words != int(h.count[1])) {
		return h, ErrCorrupt
	}
	var at [maxBits + 1]uint16
	for n := 1; n < maxBits; n++ {
		at[n+1] = at[n] + h.count[n]
	}
	for symbol, n := range lengths {
		if n > 0 {
			h.symbols[at[n]] = uint16(symbol)
			at[n]++
		}
	}
	return h, nil
}

// decode reads a word, one bit after the other, so that none behind it is waited for.
func (h *huffman) decode(r *Reader) (int, error) {
	word, first, index := 0, 0, 0 // first: the first word of this length, whose symbol is the one at index
	for n := 1; n <= maxBits; n++ {
		bit, err := r.take(1)
		if err != nil {
			return 0, err
		}
		word |= int(bit)
		count := int(h.count[n])
		if word < first+count {
			return int(h.symbols[index+word-first]), nil
		}
		index += count
		first = (first + count) << 1
		word <<= 1
	}
	return 0, ErrCorrupt
}

// fixedLiterals and fixedDistances are the code of RFC 1951 3.2.6.
var fixedLiterals, fixedDistances = fixedCodes()

func fixedCodes() (huffman, huffman) {
	var l [288]uint8
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	var d [32]uint8
	for i := range d {
		d[i] = 5
	}
	literals, _ := newHuffman(l[:]) // as many words as there can be
	distances, _ := newHuffman(d[:])
	return literals, distances
}

// lengthOrder is the order in which the lengths of the code of lengths come (RFC 1951 3.2.7).
var lengthOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codes reads the codes of a block (RFC 1951 3.2.7).
func (r *Reader) codes() error {
	head, err := r.take(5 + 5 + 4)
	if err != nil {
		return err
	}
	literals, distances := int(head&31)+257, int(head>>5&31)+1
	if literals > maxLiterals || distances > maxDistance {
		return ErrCorrupt
	}
	var l [maxLiterals + maxDistance]uint8
	for _, i := range lengthOrder[:head>>10+4] {
		n, err := r.take(3)
		if err != nil {
			return err
		}
		l[i] = uint8(n)
	}
	code, err := newHuffman(l[:len(lengthOrder)])
	if err != nil {
		return err
	}
	clear(l[:])
	if err := r.codeLengths(&code, l[:literals+distances]); err != nil {
		return err
	}
	if r.literals, err = newHuffman(l[:literals]); err != nil {
		return err
	}
	if l[endOfBlock] == 0 {
		return ErrCorrupt // the block could not end
	}
	r.distances, err = newHuffman(l[literals : literals+distances])
	return err
}

// codeLengths reads the lengths of the words of both codes, in which repetitions are said in short.
func (r *Reader) codeLengths(code *huffman, l []uint8) error {
	repeats := [...]span{{3, 2}, {3, 3}, {11, 7}}
	for i := 0; i < len(l); {
		s, err := code.decode(r)
		if err != nil {
			return err
		}
		if s < 16 {
			l[i] = uint8(s)
			i++
			continue
		}
		times, err := r.extra(repeats[s-16])
		if err != nil {
			return err
		}
		if i+times > len(l) || s == 16 && i == 0 {
			return ErrCorrupt
		}
		for range times {
			if s == 16 {
				l[i] = l[i-1]
			}
			i++
		}
	}
	return nil
}
