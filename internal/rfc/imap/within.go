package imap

import "strconv"

// SearchWithin matches messages by how long ago their INTERNALDATE is (RFC 5032): Younger for that many seconds or fewer,
// else for that many or more.
type SearchWithin struct {
	Younger bool
	Seconds uint32
}

func withinSyntax() extension {
	key := func(younger bool) func(*parser) SearchKey {
		return func(p *parser) SearchKey {
			p.sp()
			return SearchWithin{younger, p.nonZero("an interval in seconds")}
		}
	}
	return extension{searchKeys: map[string]func(*parser) SearchKey{"OLDER": key(false), "YOUNGER": key(true)}}
}

func (w SearchWithin) appendTo(b []byte) []byte {
	name := "OLDER "
	if w.Younger {
		name = "YOUNGER "
	}
	return strconv.AppendUint(append(b, name...), uint64(w.Seconds), 10)
}
