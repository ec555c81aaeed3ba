package certtest

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
)

func TestMemory(t *testing.T) {
	Storage(t, func(*testing.T) func() cert.Storage {
		m := new(Memory)
		return func() cert.Storage { return m }
	})
}
