// Package measure drives a mail server over its standard protocols and times it.
//
// Each measurement is one function: options in, a result with figures out. A wrong
// answer (a missing message, a count that is off, a flag that did not change)
// is an error and never a figure: a server must not look fast by being wrong.
// Times are taken with the monotonic clock before the bytes that ask are handed to
// the kernel and after the last byte of the answer was read.
package measure
