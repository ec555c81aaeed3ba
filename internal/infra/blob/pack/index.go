package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// entry is a body in a pack: a line of the pack's index.
type entry struct {
	id     mail.ObjectID
	offset uint32
	size   uint32
}

func (e entry) end() int64 { return int64(e.offset) + e.stored() }

func (e entry) stored() int64 { return storedSize(int64(e.size)) }

func (e entry) place(file uint32) place {
	return place{file: file, offset: e.offset, id: e.id, size: int64(e.size)}
}

const (
	indexMagic      = "MMin"
	indexHeaderSize = 16
	indexEntrySize  = 16
)

// writeIndex closes a pack: a pack that has an index is complete and holds what the index names.
func writeIndex(fs FS, number uint32, entries []entry) error {
	b := make([]byte, indexHeaderSize, indexHeaderSize+len(entries)*indexEntrySize+4)
	copy(b, indexMagic)
	b[4] = format
	binary.BigEndian.PutUint32(b[8:], number)
	binary.BigEndian.PutUint32(b[12:], uint32(len(entries)))
	for _, e := range entries {
		b = binary.BigEndian.AppendUint64(b, uint64(e.id))
		b = binary.BigEndian.AppendUint32(b, e.offset)
		b = binary.BigEndian.AppendUint32(b, e.size)
	}
	b = binary.BigEndian.AppendUint32(b, checksum(b))
	return writeFile(fs, tmpName(number)+indexSuffix, indexName(number), packsDir, b)
}

// writeFile makes a file appear with all of its content or not at all.
func writeFile(fs FS, tmp, name, folder string, content []byte) error {
	f, err := fs.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fs.Rename(tmp, name)
	}
	if err != nil {
		fs.Remove(tmp)
		return err
	}
	return fs.SyncDir(folder)
}

// maxIndexed bounds what is read as an index: no pack holds more records.
const maxIndexed = 2 << 30 / headerSize

// readIndex returns the entries of a closed pack; fs.ErrNotExist says that it was not closed.
func readIndex(fs FS, number uint32) ([]entry, error) {
	f, err := fs.Open(indexName(number))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > indexHeaderSize+maxIndexed*indexEntrySize+4 {
		return nil, fmt.Errorf("%s has %d bytes, too many for an index", indexName(number), size)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	entries, ok := parseIndex(b, number)
	if !ok {
		return nil, fmt.Errorf("%s is damaged", indexName(number))
	}
	return entries, nil
}

func parseIndex(b []byte, number uint32) ([]entry, bool) {
	if len(b) < indexHeaderSize+4 || string(b[:4]) != indexMagic || b[4] != format || binary.BigEndian.Uint32(b[8:]) != number {
		return nil, false
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	n := int64(binary.BigEndian.Uint32(b[12:]))
	if checksum(body) != sum || int64(len(body)) != indexHeaderSize+n*indexEntrySize {
		return nil, false
	}
	entries := make([]entry, n)
	for i := range entries {
		e := body[indexHeaderSize+i*indexEntrySize:]
		entries[i] = entry{
			id:     mail.ObjectID(binary.BigEndian.Uint64(e)),
			offset: binary.BigEndian.Uint32(e[8:]),
			size:   binary.BigEndian.Uint32(e[12:]),
		}
	}
	return entries, true
}
