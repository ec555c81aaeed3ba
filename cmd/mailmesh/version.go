package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of this program; the linker sets it for releases.
var release = "development"

type version struct{}

func (version) Run() error {
	commit := "unknown commit"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	fmt.Printf("mailmesh %s (%s, %s)\n", release, commit, runtime.Version())
	return nil
}
