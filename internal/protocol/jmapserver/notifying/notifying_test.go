package notifying

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
)

func TestGolden(t *testing.T) {
	for name, on := range map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				return jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
					New(Options{Tx: rooms.Tx, Rules: notifications.New()}).Register(r)
				}), nil
			})
		})
	}
}
