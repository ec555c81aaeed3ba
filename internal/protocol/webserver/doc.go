// Package webserver is the HTTP and HTTPS doors: what tells mail programs and other servers how to find and trust this one.
//
// # What is answered
//
// Over HTTPS, for the domains of this server:
//
//	/.well-known/mta-sts.txt on mta-sts.DOMAIN               the policy of RFC 8461: mail for DOMAIN comes over checked TLS
//	/.well-known/autoconfig/mail/config-v1.1.xml             settings for Thunderbird and its relatives, for ?emailaddress=
//	/mail/config-v1.1.xml on autoconfig.DOMAIN               or for the domain of the host
//	POST /autodiscover/autodiscover.xml                      settings for Outlook (Autodiscover, "POX"), in any case of letters
//	/mobileconfig?address=YOU@DOMAIN                         a profile for iPhone, iPad and Mac
//	/about                                                   a page that says what this is, and settings by hand
//
// and what other doors answer at Places of theirs, over HTTP/1.1 or HTTP/2.
//
// Over HTTP: the questions of a certificate authority (RFC 8555 8.3); everything else is sent to HTTPS, but for autoconfig on a
// host whose certificate nobody would trust. The demo answers browsers on its own machine there, too.
//
// Nobody is asked who they are. What is told is what anybody could find out by trying: hosts, ports, that a domain is served here.
// Whether an address exists is not told.
//
// # Limits
//
// A request's head has at most 16 KiB and must come within 10 seconds, its body 64 KiB, within 30; an answer must be taken within
// a minute; other doors set times of their own. XML that is read has no document type, no entities but XML's own, is in UTF-8, and is at most 20 elements deep. 20,000
// connections at a time, 500 from one address, 100 requests at a time over one of HTTP/2.
package webserver
