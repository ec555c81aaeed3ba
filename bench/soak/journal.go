package soak

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// States of an Entry.
const (
	Sent    = "sent"
	Acked   = "acked"
	Refused = "refused"
)

// Entry is one line of a journal.
type Entry struct {
	ID    string    `json:"id"`
	State string    `json:"state"`
	Time  time.Time `json:"time"`
	// To are the recipients of the mail, or those who were acked or refused.
	To     []string `json:"to"`
	SHA256 string   `json:"sha256,omitempty"` // sent: of the content's exact bytes
	Size   int      `json:"size,omitempty"`   // sent
	Code   int      `json:"code,omitempty"`   // acked, refused: the reply
}

// Journal is the file of one connection.
type Journal struct {
	f    *os.File
	line bytes.Buffer
}

// suffix of journal files.
const suffix = ".jsonl"

// CreateJournal makes a new file in dir.
func CreateJournal(dir, name string) (*Journal, error) {
	f, err := os.OpenFile(filepath.Join(dir, name+suffix), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &Journal{f: f}, nil
}

// Write appends a line; when it returns, the kernel has it.
func (j *Journal) Write(e Entry) error {
	j.line.Reset()
	if err := json.NewEncoder(&j.line).Encode(e); err != nil {
		return err
	}
	_, err := j.f.Write(j.line.Bytes())
	return err
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }

// Record is what the journals tell of one message.
type Record struct {
	SHA256 string
	Size   int
	Fates  map[string]string // by recipient: Sent, Acked or Refused
}

// Records are by message ID.
type Records map[string]*Record

// ReadJournals reads all journals in a folder. A last line that was cut off, which
// happens when the writer is killed, is as if it had not been written.
func ReadJournals(dir string) (Records, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no journals (*%s) in %s", suffix, dir)
	}
	records := make(Records)
	for _, path := range paths {
		if err := records.read(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return records, nil
}

func (r Records) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	br := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := r.add(e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func (r Records) add(e Entry) error {
	record := r[e.ID]
	if e.State == Sent {
		if record != nil {
			return fmt.Errorf("message %s was sent before", e.ID)
		}
		record = &Record{SHA256: e.SHA256, Size: e.Size, Fates: make(map[string]string, len(e.To))}
		r[e.ID] = record
	}
	if record == nil {
		return fmt.Errorf("message %s is %s and was never sent", e.ID, e.State)
	}
	for _, to := range e.To {
		record.Fates[to] = e.State
	}
	return nil
}
