package blobtest

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
)

func TestMemory(t *testing.T) {
	Run(t, func(testing.TB) blob.Store { return new(Memory) })
}
