package header

import (
	"strconv"
	"strings"
	"time"
)

// maxDate is how much of a Date field is looked at.
const maxDate = 200

// ParseDate reads a Date field (RFC 5322 3.3 and 4.3), in the zone it names. It also understands what else programs have
// written there: missing parts, ctime's order, hyphens, RFC 3339. ok is false when no day, month and year are found.
func ParseDate(s string) (t time.Time, ok bool) {
	d := dateParser{month: -1, day: -1, year: -1}
	l := lexer{s: s[:min(len(s), maxDate)]}
	for {
		l.skipSpace()
		if l.done() {
			break
		}
		start := l.pos
		for l.pos++; !l.done() && !isSpace(l.s[l.pos]) && l.s[l.pos] != ',' && l.s[l.pos] != '('; l.pos++ {
		}
		d.token(strings.Trim(l.s[start:l.pos], ",."))
	}
	return d.time()
}

type dateParser struct {
	year, month, day     int
	hour, minute, second int
	hasTime, hasZone     bool
	zone                 int // seconds east
}

func (d *dateParser) token(s string) {
	switch {
	case s == "":
	case (s[0] == '+' || s[0] == '-') && d.hasTime:
		d.offset(s)
	case strings.IndexAny(s, "-/:") > 0 && s[strings.IndexAny(s, "-/:")] != ':':
		d.hyphens(s)
	case isDigit(s[0]) && strings.IndexByte(s, ':') > 0:
		d.clock(s)
	case isDigit(s[0]):
		d.number(s)
	default:
		d.word(s)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// number is a day or a year.
func (d *dateParser) number(s string) {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil || len(s) > 4:
	case d.day < 0 && len(s) <= 2:
		d.day = n
	case d.year < 0:
		d.setYear(s, n)
	}
}

// setYear does RFC 5322 4.3: two digits up to 49 are 20xx, others and three digits count from 1900.
func (d *dateParser) setYear(s string, n int) {
	switch {
	case len(s) <= 2 && n < 50:
		n += 2000
	case len(s) <= 3:
		n += 1900
	}
	d.year = n
}

// hyphens is 1-Jan-2024, 2024-01-31 or 2024-01-31T10:00:00Z.
func (d *dateParser) hyphens(s string) {
	if i := strings.IndexAny(s, "Tt"); i == len("2024-01-31") && isDigit(s[0]) {
		d.hyphens(s[:i])
		clock := s[i+1:]
		if z := strings.IndexAny(clock, "+-Zz"); z > 0 {
			d.clock(clock[:z])
			d.token(clock[z:])
			return
		}
		d.clock(clock)
		return
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '/' })
	if len(parts) == 3 && len(parts[0]) == 4 && isDigit(s[0]) {
		parts[0], parts[2] = parts[2], parts[0]
	}
	if len(parts) != 3 {
		d.word(s)
		return
	}
	if n, err := strconv.Atoi(parts[1]); err == nil {
		d.month = n - 1
	} else {
		d.word(parts[1])
	}
	if d.day < 0 {
		d.number(parts[0])
	}
	d.number(parts[2])
}

// clock is hh:mm or hh:mm:ss, fractions of a second left out.
func (d *dateParser) clock(s string) {
	parts := strings.SplitN(s, ":", 3)
	values := [3]int{}
	for i, part := range parts {
		part, _, _ = strings.Cut(part, ".")
		end := 0
		for end < len(part) && isDigit(part[end]) {
			end++
		}
		n, err := strconv.Atoi(part[:end])
		if err != nil || n > 60 {
			return
		}
		values[i] = n
		if i == len(parts)-1 && end < len(part) {
			defer d.token(part[end:]) // "10:00:00+0100", "10:00pm"
		}
	}
	if values[0] > 23 || values[1] > 59 || d.hasTime {
		return
	}
	d.hasTime = true
	d.hour, d.minute, d.second = values[0], values[1], min(values[2], 59)
}

// offset is +hhmm, +hh:mm or +hh.
func (d *dateParser) offset(s string) {
	digits := strings.ReplaceAll(s[1:], ":", "")
	n, err := strconv.Atoi(digits)
	if err != nil || d.hasZone || n < 0 {
		return
	}
	if len(digits) <= 2 {
		n *= 100
	}
	d.hasZone = true
	if n/100 > 23 || n%100 > 59 {
		return // no such zone: taken as UTC
	}
	d.zone = n/100*3600 + n%100*60
	if s[0] == '-' {
		d.zone = -d.zone
	}
}

// zones are the names of RFC 5322 4.3, and others that are common and mean one thing; hours east of UTC.
var zones = map[string]int{
	"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
	"wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "met": 1, "mest": 2, "eet": 2, "eest": 3, "msk": 3,
	"jst": 9, "kst": 9, "hkt": 8, "sgt": 8, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "akst": -9, "akdt": -8, "hst": -10,
}

const months = "janfebmaraprmayjunjulaugsepoctnovdec"

// word is a month, a zone, am or pm; anything else, like the name of the day, is passed over.
func (d *dateParser) word(s string) {
	s = strings.ToLower(s)
	if len(s) >= 3 && d.month < 0 {
		if i := strings.Index(months, s[:3]); i >= 0 && i%3 == 0 {
			d.month = i / 3
			return
		}
	}
	if !d.hasTime || d.hasZone {
		return
	}
	hours, named := zones[s]
	switch {
	case named:
		d.zone, d.hasZone = hours*3600, true
	case s == "pm" && d.hour < 12:
		d.hour += 12
	case s == "am" && d.hour == 12:
		d.hour = 0
	case len(s) > 4 && (s[:3] == "gmt" || s[:3] == "utc") && (s[3] == '+' || s[3] == '-'):
		d.offset(s[3:])
	}
}

func (d *dateParser) time() (time.Time, bool) {
	if d.year < 1900 || d.month < 0 || d.month > 11 || d.day < 1 || d.day > 31 {
		return time.Time{}, false
	}
	location := time.UTC
	if d.zone != 0 {
		location = time.FixedZone("", d.zone)
	}
	return time.Date(d.year, time.Month(d.month+1), d.day, d.hour, d.minute, d.second, 0, location), true
}
