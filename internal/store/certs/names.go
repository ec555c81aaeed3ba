package certs

import (
	"maps"
	"slices"
	"strings"
)

// within lists what a file shows of itself in the folder whose names begin with below: the file or folder right there, and with
// recursive every folder down to the file.
func within(below, name string, recursive bool) (names []string) {
	for i := len(below); i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		if names = append(names, name[:i]); !recursive {
			return names
		}
	}
	return append(names, name)
}

func sorted(names map[string]bool) []string {
	return slices.SortedFunc(maps.Keys(names), strings.Compare)
}
