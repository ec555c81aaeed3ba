package client

import (
	"testing"

	"github.com/mailmesh/mailmesh/test/requirements"
)

// Every extension that the client uses has its list in docs/rfc, and every test that a list names exists.
func TestRequirementsAreTested(t *testing.T) {
	requirements.Check(t, "../../../..", "as a client", []string{"SMTP", "STARTTLS", "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN",
		"REQUIRETLS", "LIMITS", "MT-PRIORITY", "DELIVERBY", "AUTH"})
}
