package core_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
)

func TestGolden(t *testing.T) {
	jmapservertest.Golden(t, "testdata/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
		return jmapservertest.Open(t, dbtest.OnSQLite, nil), nil
	})
}
