// Package tlsrpt is SMTP TLS Reporting, RFC 8460: where a domain wants to be told how TLS to its hosts went (ParseRecord), and
// the report it is told with (Report).
//
// # Limits
//
// Of a record at most MaxAddresses addresses are kept. A report that is read has at most MaxReport bytes unpacked.
package tlsrpt
