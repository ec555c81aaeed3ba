package jmapserver_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/test/requirements"
)

func TestRequirements(t *testing.T) {
	requirements.Check(t, "../../..", "JMAP capability", []string{"core", "mail", "blob", "quota", "submission", "vacationresponse", "mdn"})
}
