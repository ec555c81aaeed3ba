package node

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// WriteFile writes the ready file as one JSON object, whole or not at all: whoever waits for it never reads half of it.
func (r Ready) WriteFile(path string) error {
	object := map[string]any{}
	for name, address := range r.Doors {
		object[name] = address
	}
	if r.Accounts != nil {
		object["accounts"] = r.Accounts
	}
	text, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".ready-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
