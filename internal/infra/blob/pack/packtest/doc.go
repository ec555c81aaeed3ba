// Package packtest is a disk in memory below a pack.Store that does what disks do to those who trust them: it loses power
// and with it any write and any name that was not synced, whole, in part or not at all; it fails, fills up and cuts
// writes short where a test says so; and after a failed sync it never writes what that sync should have written, however
// often it is asked.
package packtest
