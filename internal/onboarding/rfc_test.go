package onboarding

import (
	"testing"

	"github.com/mailmesh/mailmesh/test/requirements"
)

func TestRequirements(t *testing.T) {
	requirements.Check(t, "../..", "to be found", []string{"certificates", "SRV records", "ports with TLS"})
}
