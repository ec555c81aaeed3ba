// Package postgres runs a pair of PostgreSQL servers for tests: a primary and a synchronous standby made from it by
// pg_basebackup, as a cluster has them in production.
//
// A COMMIT that the primary acknowledges is on both. Tests stop, kill, freeze, restart and promote the servers, and take a
// demoted primary back as standby (Rejoin). The servers listen on loopback ports which they keep, so that a proxy can stand in front of each.
//
// The data lies in memory where the machine has a folder for it, fsync stays on, full_page_writes too. Everything stops and is
// removed when the process that started it ends, however it ends.
package postgres
