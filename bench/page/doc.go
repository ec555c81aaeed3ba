// Package page writes docs/performance.md and its picture from the result of one
// run, so that no figure there was typed by hand.
//
// The page compares the first server of the result with the second, by ratio: how
// many times better the first is, whichever direction is better. Goals are the
// ratios that the project has set itself; a missed one is shown as missed.
package page
