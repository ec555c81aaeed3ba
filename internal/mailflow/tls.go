package mailflow

import (
	"crypto/tls"
	"errors"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Host is a host that takes mail for a domain, as DNS has named it.
type Host struct {
	Domain string // where the recipients are, see Job
	Name   string // the host of the MX record; the domain itself where it has none; A-labels and lower case
	// Canonical is the name at the end of Name's chain of CNAMEs; Name where there is none.
	Canonical string
	// Named reports whether DNSSEC has proved that Name is a host of Domain, Resolved whether it has proved the addresses of
	// Canonical, with the CNAMEs on the way.
	Named, Resolved bool
	// RequireTLS is set where the message was sent with REQUIRETLS (RFC 8689).
	RequireTLS bool
}

// TLSLevel is what TLS has to prove before a host gets a message.
type TLSLevel uint8

const (
	TLSOpportunistic TLSLevel = iota // TLS where it can be had, whoever shows which certificate; else plaintext (RFC 7435)
	TLSEncrypted                     // TLS, whoever shows which certificate (RFC 7672 2.2: TLSA records of which none is usable)
	TLSVerified                      // TLS with a certificate that Verify likes
	TLSRefused                       // nothing helps: this host does not get the message
)

// TLSRequirement is what a host needs.
type TLSRequirement struct {
	Level TLSLevel
	// ID is equal for requirements that are equal: a connection that met one is used for messages with the other. "" with
	// TLSOpportunistic without Verify.
	ID string
	// ServerName is asked for in the handshake (SNI). "": the Host's Name. RFC 7672 8.1: with DANE the TLSA base domain.
	ServerName string
	// Verify is called with what the handshake came to, whatever the Level. Its error ends the connection with TLSVerified; with
	// the others, as in the testing mode of MTA-STS, it is recorded and the connection used.
	Verify func(tls.ConnectionState) error
	// Refusal says why, with TLSRefused; its code says whether for good.
	Refusal mail.Reply
	// Of is for the policy: whatever it wants to find again in a TLSSession.
	Of any
}

// ErrNoSTARTTLS is the Err of a TLSSession whose host does not offer TLS.
var ErrNoSTARTTLS = errors.New("the host does not offer STARTTLS")

// TLSSession is what came of a connection to a host, for the reports of RFC 8460. A host that could not be connected to, or that
// answered neither greeting nor EHLO, made no session.
type TLSSession struct {
	Host          Host
	Requirement   TLSRequirement
	Local, Remote netip.Addr
	Helo          string // what the host calls itself in its answer to EHLO
	Secure        bool   // TLS is active, whether or not Verify liked it
	// Err says why the requirement was not met, or why TLS was offered and could not be had: ErrNoSTARTTLS, what the handshake
	// returned, or the error of Verify. nil: met.
	Err error
}
