package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The dead list of a pack names the records that were removed. It is only ever appended to, and goes with its pack.
const deadEntrySize = 12

func appendDead(b []byte, file, offset, size uint32) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, offset)
	b = binary.BigEndian.AppendUint32(b, size)
	sum := checksum(binary.BigEndian.AppendUint32(b, file)[start:])
	return binary.BigEndian.AppendUint32(b, sum)
}

// addDead notes records of a pack as removed, and syncs. The file is opened anew each time: after a failed sync what is
// noted again is also written again.
func (s *Store) addDead(number uint32, places []place) (err error) {
	f, err := s.FS.Append(deadName(number))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Size()
	if err != nil {
		return err
	}
	if end == 0 {
		if err := s.FS.SyncDir(packsDir); err != nil {
			return err
		}
	}
	var b []byte
	for _, p := range places {
		b = appendDead(b, number, p.offset, uint32(p.size))
	}
	end -= end % deadEntrySize // a torn last entry
	if _, err := f.WriteAt(b, end); err != nil {
		return err
	}
	return f.Sync()
}

// readDead returns the offsets of a pack's removed records and how many bytes they take.
func readDead(fs FS, number uint32) (dead map[uint32]bool, bytes int64, err error) {
	dead = map[uint32]bool{}
	f, err := fs.Open(deadName(number))
	if isGone(err) {
		return dead, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r := io.NewSectionReader(f, 0, 1<<40)
	b := make([]byte, 1024*deadEntrySize)
	for {
		n, err := io.ReadFull(r, b)
		bytes += parseDead(dead, number, b[:n-n%deadEntrySize])
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return dead, bytes, nil
		default:
			return nil, 0, fmt.Errorf("read %s: %w", deadName(number), err)
		}
	}
}

// parseDead leaves out entries that were torn or repeated.
func parseDead(dead map[uint32]bool, number uint32, b []byte) (bytes int64) {
	for ; len(b) > 0; b = b[deadEntrySize:] {
		offset, size := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		want := appendDead(nil, number, offset, size)
		if string(want) != string(b[:deadEntrySize]) || dead[offset] {
			continue
		}
		dead[offset] = true
		bytes += storedSize(int64(size))
	}
	return bytes
}
