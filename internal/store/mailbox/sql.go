package mailbox

import (
	"errors"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// inSizes are the lengths of IN lists: few, so that few statements are prepared. A list is filled up by repeating its last
// element.
var inSizes = [...]int{1, 4, 16, 64, maxIn}

// maxIn is how many values one IN list takes.
const maxIn = 256

// inList returns "IN ($n, ...)" for at most maxIn values and the arguments of the statement: before, then the values.
func inList[T any](values []T, before ...any) (in string, args []any) {
	size := maxIn
	for _, n := range inSizes {
		if n >= len(values) {
			size = n
			break
		}
	}
	args = make([]any, 0, len(before)+size)
	args = append(args, before...)
	for i := range size {
		args = append(args, values[min(i, len(values)-1)])
	}
	return inText(len(before)+1, size), args
}

func inText(first, size int) string {
	var b strings.Builder
	b.Grow(5 + 5*size)
	b.WriteString("IN (")
	for i := range size {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	b.WriteByte(')')
	return b.String()
}

func notFound(op string, err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return mail.E(op, mail.NotFound, nil)
	}
	return err
}

func placeholder(n int) string { return "$" + strconv.Itoa(n) }
