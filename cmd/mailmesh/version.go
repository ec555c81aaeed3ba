package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/mailmesh/mailmesh/internal/node"
)

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
	fmt.Printf("mailmesh %s (%s, %s)\n", node.Release(), commit, runtime.Version())
	return nil
}
