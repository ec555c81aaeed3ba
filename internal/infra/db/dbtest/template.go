package dbtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// templateSet holds the migrated databases that tests copy, by the content of their migrations.
type templateSet struct {
	mu    sync.Mutex
	files map[string][]byte // SQLite files
	names map[string]string // PostgreSQL databases of the shared server
}

var templates = templateSet{files: make(map[string][]byte), names: make(map[string]string)}

func (s *templateSet) sqlite(schema fs.FS) ([]byte, error) {
	key, err := fingerprint(schema)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if content, ok := s.files[key]; ok {
		return content, nil
	}
	dir, err := os.MkdirTemp(MemoryFolder(), "mailmesh-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mail.db")
	if err := migrate("sqlite:"+path, schema); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err == nil {
		s.files[key] = content
	}
	return content, err
}

func (s *templateSet) postgres(server *server, schema fs.FS) (name string, err error) {
	key, err := fingerprint(schema)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.names[key]; ok {
		return name, nil
	}
	name = fmt.Sprintf("schema%d", server.count.Add(1))
	if err := server.do("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	if err := migrate(server.url(name), schema); err != nil {
		return "", err
	}
	s.names[key] = name
	return name, nil
}

// migrate makes one database and leaves it closed.
func migrate(url string, schema fs.FS) error {
	ctx := context.Background()
	d, err := db.Open(ctx, db.Options{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(d.Migrate(ctx, schema), d.Close())
}

// fingerprint tells schemas apart by their content: every fs.FS of the same files is the same schema.
func fingerprint(schema fs.FS) (string, error) {
	names, err := fs.Glob(schema, "*.sql")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, name := range names {
		content, err := fs.ReadFile(schema, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %d\n%s", name, len(content), content)
	}
	return string(h.Sum(nil)), nil
}
