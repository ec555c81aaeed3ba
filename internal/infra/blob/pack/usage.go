package pack

import (
	"context"
	"path"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Usage is what a store takes of its disk.
type Usage struct {
	Packs int   // files of small bodies
	Large int   // files of one body
	Bytes int64 // of both
	Dead  int64 // of removed bodies in packs, which compaction gives back
}

// Usage looks at every file of the store, so it is for a metric that is read now and then.
func (s *Store) Usage(ctx context.Context) (u Usage, err error) {
	err = s.usage(ctx, packsDir, &u)
	if err == nil {
		err = s.usage(ctx, largeDir, &u)
	}
	if err != nil {
		return u, mail.E("pack.Usage", mail.Unavailable, err)
	}
	return u, nil
}

func (s *Store) usage(ctx context.Context, folder string, u *Usage) error {
	names, err := s.FS.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch full := folder + "/" + name; path.Ext(name) {
		case packSuffix:
			u.Packs++
			err = s.addSize(full, &u.Bytes)
		case bodySuffix:
			u.Large++
			err = s.addSize(full, &u.Bytes)
		case deadSuffix:
			var dead int64
			if n, ok := parseName(name, deadSuffix); ok {
				_, dead, err = readDead(s.FS, n)
			}
			u.Dead += dead
		case "":
			if strings.HasPrefix(full, largeDir+"/") {
				err = s.usage(ctx, full, u)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addSize adds the size of a file, which may have gone meanwhile.
func (s *Store) addSize(name string, sum *int64) error {
	f, err := s.FS.Open(name)
	if err != nil {
		return ignoreGone(err)
	}
	defer f.Close()
	size, err := f.Size()
	*sum += size
	return err
}
