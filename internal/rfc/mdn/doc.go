// Package mdn reads receipts: message disposition notifications (RFC 8098), in which the mail program of a recipient tells what was
// done with a message.
//
// Parse is liberal in what it takes: fields in any order, comments, addresses with angle brackets or without a type. It says nothing
// of who wrote the receipt: that is for the caller to find out.
//
// # Limits
//
// The fields of a notification have at most MaxFields bytes; what is longer is cut there.
package mdn
