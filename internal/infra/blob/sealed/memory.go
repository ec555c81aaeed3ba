package sealed

import (
	"bytes"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Seal appends clear to dst as a sealed object. The key must be one that never seals anything else.
func Seal(dst []byte, id mail.ObjectID, key Key, clear []byte) ([]byte, error) {
	s, err := newSealer(id, key, bytes.NewReader(clear))
	if err != nil {
		return dst, mail.E("sealed.Seal", mail.Other, err)
	}
	defer s.release()
	s.quick = true
	out := bytes.NewBuffer(dst)
	if _, err := io.Copy(out, s); err != nil {
		return dst, mail.E("sealed.Seal", mail.Other, err)
	}
	return out.Bytes(), nil
}

// Open appends to dst the clear bytes of an object that Seal made; more than limit are ErrDamaged.
func Open(dst []byte, id mail.ObjectID, key Key, object []byte, limit int) ([]byte, error) {
	r, err := NewReader(inMemory{bytes.NewReader(object)}, id, key)
	if err != nil {
		return dst, err
	}
	defer r.Close()
	if r.Size() > int64(limit) {
		return dst, damaged("sealed.Open", "%d clear bytes, at most %d were sealed", r.Size(), limit)
	}
	at := len(dst)
	dst = append(dst, make([]byte, r.Size())...)
	if _, err := r.ReadAt(dst[at:], 0); err != nil && err != io.EOF {
		return dst[:at], err
	}
	return dst, nil
}

// inMemory is an object as a blob.Reader.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }
