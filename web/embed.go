// Package web carries the web client, built: what Vite makes of the sources beside this file is in dist, which is committed so that
// nobody needs Node to build the server. docs/web.md tells how the client is made.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are the client's files: index.html, assets whose names carry a hash of what is in them, and a few with fixed names.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is named in the line above
	}
	return files
}
