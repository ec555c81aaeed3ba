// Package jmaptimes drives a server as JMAP clients do, over TLS, and times it.
//
// As in measure, a wrong answer is an error and never a figure, and times are taken with the monotonic clock before the bytes
// that ask are handed to the kernel and after the last byte of the answer was read.
package jmaptimes
