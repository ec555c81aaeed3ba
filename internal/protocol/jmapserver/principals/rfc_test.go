package principals

import (
	"testing"

	"github.com/mailmesh/mailmesh/test/requirements"
)

// Every test that the lists of the standards name exists.
func TestRequirementsAreTested(t *testing.T) {
	requirements.Check(t, "../../../..", "for lists and sharing", []string{"one-click unsubscribe", "sharing"})
}
