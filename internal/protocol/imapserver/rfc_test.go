package imapserver

import (
	"testing"

	"github.com/mailmesh/mailmesh/test/requirements"
)

const root = "../../../"

// Every capability that the server offers, in any state, has a list of what is asked for, and every test that a list names
// exists.
func TestRequirementsAreTested(t *testing.T) {
	offered := []string{"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=SCRAM-SHA-256", "AUTH=SCRAM-SHA-256-PLUS"}
	all, err := combine(extensions())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all.capabilities {
		offered = append(offered, c.name)
	}
	requirements.Check(t, root, "capability", offered)
}
