package listen

import (
	"crypto/tls"
	"crypto/x509"
	"net"
)

// TLS makes the server's end of a TLS connection of nc. The certificate is the one that this client will be shown, which
// channel bindings need (RFC 5929 4): another connection may be shown another, because a renewed one is used at once. It is
// nil where the configuration has several and the client's wishes decide.
func TLS(nc net.Conn, config *tls.Config) (conn *tls.Conn, certificate *x509.Certificate) {
	if config.GetConfigForClient != nil {
		// Asked once, and now: what crypto/tls would ask for at the handshake could be another one already.
		if own, err := config.GetConfigForClient(&tls.ClientHelloInfo{Conn: nc}); err == nil && own != nil {
			config = own
		}
	}
	if len(config.Certificates) == 1 {
		certificate = config.Certificates[0].Leaf
	}
	return tls.Server(nc, config), certificate
}
