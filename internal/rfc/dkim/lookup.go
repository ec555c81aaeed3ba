package dkim

import (
	"context"
	"strings"
	"sync"
)

// keys asks for the records of keys, as the library wants it, and keeps their flags.
type keys struct {
	ctx    context.Context
	lookup Lookup

	mu    sync.Mutex
	flags map[string]string // t= by the record's name
}

// txt is called by several goroutines, one for each signature.
func (k *keys) txt(name string) ([]string, error) {
	texts, err := k.lookup(k.ctx, name)
	if err != nil {
		return nil, unknown{err}
	}
	if len(texts) == 1 {
		k.mu.Lock()
		k.flags[strings.ToLower(name)] = tagsOf(texts[0])["t"]
		k.mu.Unlock()
	}
	return texts, nil
}

func (k *keys) flagsOf(s Signature) []string {
	return strings.Split(k.flags[strings.ToLower(RecordName(s.Selector, s.Domain))], ":")
}

// unknown is an error in the form in which the library knows one that may go away.
type unknown struct{ error }

func (unknown) Temporary() bool { return true }
func (unknown) Timeout() bool   { return false }
