package dkim

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Limits of Verify.
const (
	MaxSignatures = 8       // of a message that are looked at, from the top (RFC 6376 6.1 lets a verifier choose)
	MaxHeader     = 1 << 20 // bytes
)

// Result is what became of a signature, in the words of RFC 8601 2.7.1.
type Result string

const (
	Pass      Result = "pass"
	Fail      Result = "fail"      // it is of another message, or of another key
	Policy    Result = "policy"    // it may be right, and says too little: a part of the body (l=) or a key in test (t=y)
	TempError Result = "temperror" // its key cannot be had now
	PermError Result = "permerror" // it cannot be used: no key, expired, wrong syntax, too weak
)

// Signature is one of a message's, and what became of it.
type Signature struct {
	Domain   string   // d=, lower case: who vouches
	Identity string   // i=, as it is there, or "@" and the domain
	Selector string   // s=
	Fields   []string // h=, lower case, once for each time that a field is signed, those that are not there included
	Result   Result
	Reason   string // of all but Pass, for the log
}

// Covers reports whether each field of a name that a header has is signed (RFC 6376 5.4.2: signatures cover the lowest ones), and
// there is one. What is not covered could have been added by anybody.
func (s Signature) Covers(block []byte, name string) bool {
	there, signed := 0, 0
	for f := range header.Fields(block) {
		if strings.EqualFold(string(f.Name), name) {
			there++
		}
	}
	for _, f := range s.Fields {
		if strings.EqualFold(f, name) {
			signed++
		}
	}
	return there > 0 && signed >= there
}

// Lookup asks DNS for the texts of a name: none where there is no such record, an error where nobody knows now.
type Lookup func(ctx context.Context, name string) ([]string, error)

// Verify looks at the signatures of a message, in the order in which they stand, and returns its header, too. A message without
// signatures has none. The error is that of the reader, or says that the header is too large.
func Verify(ctx context.Context, message io.Reader, lookup Lookup) (found []Signature, headers []byte, err error) {
	body := bufio.NewReader(message)
	block, end, err := readHeader(body)
	if err != nil {
		return nil, nil, err
	}
	for f := range header.Fields(block) {
		if strings.EqualFold(string(f.Name), "DKIM-Signature") && len(found) < MaxSignatures {
			found = append(found, describe(f.Value()))
		}
	}
	if len(found) == 0 {
		return nil, block, nil
	}
	whole := io.MultiReader(bytes.NewReader(block), strings.NewReader(end), body)
	keys := &keys{ctx: ctx, lookup: lookup, flags: map[string]string{}}
	verified, err := dkim.VerifyWithOptions(whole, &dkim.VerifyOptions{LookupTXT: keys.txt, MaxVerifications: MaxSignatures})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return nil, block, err
	}
	if len(verified) != len(found) {
		return nil, block, fmt.Errorf("dkim: %d signatures were seen, %d looked at", len(found), len(verified))
	}
	for i, v := range verified {
		found[i].judge(v.Err, keys.flagsOf(found[i]))
	}
	return found, block, nil
}

// ReadHeader reads the header of a message as Verify does, the blank line included.
func ReadHeader(message io.Reader) ([]byte, error) {
	block, _, err := readHeader(bufio.NewReader(message))
	return block, err
}

// readHeader reads up to the blank line, included. end is what is missing of it where there is no body: the library wants it.
func readHeader(r *bufio.Reader) (block []byte, end string, err error) {
	for {
		line, err := r.ReadSlice('\n')
		block = append(block, line...)
		switch {
		case len(block) > MaxHeader:
			return nil, "", fmt.Errorf("dkim: the header has more than %d bytes", MaxHeader)
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return block, "\r\n\r\n", nil
		case err != nil:
			return nil, "", err
		case header.IsBlank(line):
			return block, "", nil
		}
	}
}

// describe reads the tags of a signature that callers want to know. Whether they are right is the library's question.
func describe(value string) Signature {
	tags := tagsOf(value)
	s := Signature{Domain: strings.ToLower(tags["d"]), Identity: tags["i"], Selector: tags["s"]}
	if s.Identity == "" {
		s.Identity = "@" + s.Domain
	}
	for name := range strings.SplitSeq(tags["h"], ":") {
		if name != "" {
			s.Fields = append(s.Fields, strings.ToLower(name))
		}
	}
	return s
}

// tagsOf reads a list of tags (RFC 6376 3.2), white space left out.
func tagsOf(value string) map[string]string {
	tags := map[string]string{}
	for pair := range strings.SplitSeq(value, ";") {
		name, text, _ := strings.Cut(pair, "=")
		tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(text), "")
	}
	return tags
}

// judge takes what the library says, and holds to the key's flags, at which it does not look (RFC 6376 3.6.1 t=).
func (s *Signature) judge(err error, flags []string) {
	switch {
	case err == nil && slices.Contains(flags, "y"):
		s.Result, s.Reason = Policy, "the domain says that it is testing"
	case err == nil && slices.Contains(flags, "s") && !strings.EqualFold(s.Identity[strings.LastIndex(s.Identity, "@")+1:], s.Domain):
		s.Result, s.Reason = PermError, "the key is not for domains below its own"
	case err == nil:
		s.Result = Pass
	default:
		s.Reason = strings.TrimPrefix(err.Error(), "dkim: ")
		switch {
		case dkim.IsTempFail(err):
			s.Result = TempError
		case dkim.IsPermFail(err):
			s.Result = PermError
		case strings.Contains(s.Reason, "body length tag"):
			s.Result = Policy
		default:
			s.Result = Fail
		}
	}
}
