package node

import "runtime/debug"

// release is the version of this program. The linker sets it where the program is not built from its repository.
var release string

// Release is the version of this program: that of the tag it was built from, "(devel)" or a version with the date of the commit where it
// was none.
func Release() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
