package pushing

import (
	"testing"

	"github.com/mailmesh/mailmesh/test/requirements"
)

// Every test that the lists of the standards name exists.
func TestRequirementsAreTested(t *testing.T) {
	requirements.Check(t, "../../../..", "way to push", []string{"WebSocket", "Web Push", "encryption", "VAPID", "VAPID in JMAP"})
}
