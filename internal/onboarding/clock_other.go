//go:build !linux

package onboarding

import "errors"

// Synchronized reports whether somebody keeps the clock of this machine in time, where that can be known.
func Synchronized() (bool, error) { return false, errors.ErrUnsupported }
