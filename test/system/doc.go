// Package system tests the built program from outside, as its users meet it: real processes, real sockets, real clients,
// kill -9. It runs with the build tag "system" (make test does).
//
// A tool that is missing skips its test; with CI=true it fails it.
package system
