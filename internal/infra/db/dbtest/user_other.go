//go:build !linux

package dbtest

import (
	"errors"
	"os"
	"os/exec"
)

// AsOrdinaryUser refuses root: only on Linux do we know how to run the server as somebody else.
func AsOrdinaryUser(*exec.Cmd, string) error {
	if os.Geteuid() == 0 {
		return errors.New("PostgreSQL refuses to run as root: run the tests as an ordinary user")
	}
	return nil
}
