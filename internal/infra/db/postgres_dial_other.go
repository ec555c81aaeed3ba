//go:build !linux

package db

import "syscall"

// limitUnanswered does nothing: here the kernel's own limit holds.
func limitUnanswered(string, string, syscall.RawConn) error { return nil }
