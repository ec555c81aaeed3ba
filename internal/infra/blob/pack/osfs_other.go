//go:build !linux

package pack

import "os"

func datasync(f *os.File) error { return f.Sync() }

// flock: other systems trust the operator not to start two servers on one folder.
func flock(*os.File) error { return nil }
