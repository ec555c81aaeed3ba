package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
	"github.com/mailmesh/mailmesh/internal/infra/cert/acme"
	"github.com/mailmesh/mailmesh/internal/store/certs"
)

// certificates are what the doors show.
type certificates struct {
	*cert.Source               // for the server's own name
	manager      *acme.Manager // of those that are ordered; nil: none are
	fromFiles    bool
}

// openCertificates finds the server's certificate: the configured one, one that an authority gives, or a self-signed one. One
// that was ordered before is there at once.
func (n *Node) openCertificates(ctx context.Context) (c *certificates, err error) {
	o := cert.Options{Logger: n.log}
	if !n.rooms.alone() {
		o.Shared = n.rooms.certs // nodes keep nothing in their folders
	}
	c = &certificates{fromFiles: n.cfg.TLS.Certificate != ""}
	switch {
	case c.fromFiles:
		c.Source, err = cert.Files(n.cfg.TLS.Certificate, n.cfg.TLS.Key, o)
		return c, err
	case n.cfg.ACME.Directory == "":
		c.Source, err = cert.SelfSigned(n.rooms.folder.path, n.cfg.Hostname, o)
		return c, err
	}
	if c.manager, err = n.newManager(); err != nil {
		return nil, err
	}
	if err := c.manager.Load(ctx, n.cfg.Hostname); err != nil {
		n.log.Error("the certificate that was ordered cannot be read", "err", err)
	}
	own := func() *tls.Certificate { return c.manager.Certificate(n.cfg.Hostname) }
	if c.Source, err = cert.Issued(own, n.rooms.folder.path, n.cfg.Hostname, o); err != nil {
		return nil, errors.Join(err, c.manager.Close())
	}
	return c, nil
}

func (n *Node) newManager() (*acme.Manager, error) {
	o := acme.Options{Storage: n.rooms.certs, Directory: n.cfg.ACME.Directory, Names: newNames(n).wanted, Logger: n.log}
	if n.cfg.ACME.DNSServer != "" {
		records, err := newZoneTexts(n.cfg.ACME.DNSServer, n.cfg.ACME.DNSKey, n.rooms.resolver)
		if err != nil {
			return nil, err
		}
		o.Records = records
	} else {
		o.HTTP = string(n.cfg.Listen.HTTP[0]) // config holds that there is one
	}
	return acme.New(o)
}

// run orders and renews until ctx ends.
func (c *certificates) run(ctx context.Context) {
	if c.manager == nil {
		return
	}
	c.manager.Run(ctx)
	c.manager.Close() // says nothing of interest
}

// forHello is the certificate for the host that a client asks for, and the server's own for all that have none.
func (c *certificates) forHello(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.manager != nil && hello.ServerName != "" {
		if own := c.manager.Certificate(hello.ServerName); own != nil {
			return own, nil
		}
	}
	return c.Certificate(), nil
}

// trusted reports whether clients would accept what they are shown for a host. Of files it believes what they say.
func (c *certificates) trusted(host string) bool {
	if c.manager != nil {
		return c.manager.Certificate(host) != nil
	}
	return c.fromFiles && c.Certificate().Leaf.VerifyHostname(host) == nil
}

// left is how long clients will still accept the server's certificate, in seconds.
func (c *certificates) left() float64 { return time.Until(c.Certificate().Leaf.NotAfter).Seconds() }

// openCerts opens the place of ordered certificates.
func (r *rooms) openCerts(o certs.Options) (err error) {
	if r.certs, err = certs.New(o); err != nil {
		return fmt.Errorf("the store of certificates: %w", err)
	}
	r.closers = append(r.closers, r.certs.Close)
	return nil
}
