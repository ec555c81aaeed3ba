package soak

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// State is what a check found, for the next one to compare with.
type State struct {
	Version   int                      `json:"version"`
	Mailboxes map[string]*MailboxState `json:"mailboxes"` // by account
}

// MailboxState of one INBOX. IDs of messages that are not ours are empty.
type MailboxState struct {
	UIDValidity   uint32            `json:"uidvalidity"`
	UIDNext       uint32            `json:"uidnext"`
	HighestModSeq uint64            `json:"highestmodseq,omitempty"`
	UIDs          map[uint32]string `json:"uids"`
}

const stateVersion = 1

// ReadState reads a state file; one that does not exist is an empty state.
func ReadState(path string) (*State, error) {
	s := &State{Version: stateVersion, Mailboxes: map[string]*MailboxState{}}
	raw, err := os.ReadFile(path)
	if path == "" || errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("%s: version %d, want %d", path, s.Version, stateVersion)
	}
	return s, nil
}

// Write replaces the state file.
func (s *State) Write(path string) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
