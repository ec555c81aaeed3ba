package node

import (
	"runtime/debug"
	"strings"
)

// release is the version of this program. The linker sets it where the program is not built from its repository.
var release string

// development is the version of what was built from no commit.
const development = "development"

// Release is the version of this program: that of the tag it was built from, or of its commit, where that has none.
func Release() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return development
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}
