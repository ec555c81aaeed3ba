// Package s3 gives tests a real S3 service: a versitygw process over a folder, which test/setup installs. Where the program is
// missing tests are skipped, under CI=true they fail.
//
// A Proxy in front of it plays the faults that services have: errors, answers that come late, end early, or are wrong, and
// connections that are reset. It counts what it has done.
package s3
