package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// MaxURL is how long a URL may be.
const MaxURL = 8 << 10

// Check reports whether a URL is one that can be asked for: mail.Invalid says why not. plain allows http.
func Check(text string, plain bool) error {
	_, err := parse(text, plain)
	return err
}

func parse(text string, plain bool) (*url.URL, error) {
	const op = "fetch.Check"
	if len(text) > MaxURL {
		return nil, mail.E(op, mail.Invalid, fmt.Errorf("a URL has at most %d bytes", MaxURL))
	}
	u, err := url.Parse(text)
	if err == nil {
		err = check(u, plain)
	}
	if err != nil {
		return nil, mail.E(op, mail.Invalid, fmt.Errorf("%.100q cannot be fetched: %w", text, err))
	}
	return u, nil
}

func check(u *url.URL, plain bool) error {
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !plain):
		if plain {
			return errors.New("it begins neither with https:// nor with http://")
		}
		return errors.New("it does not begin with https://")
	case u.Opaque != "" || u.Host == "":
		return errors.New("it names no host")
	case u.User != nil:
		return errors.New("it has a user name")
	}
	if _, err := portOf(u); err != nil {
		return err
	}
	return checkHost(u.Hostname())
}

// portOf is the port of a URL. Those below 1024 that are not for the web belong to servers that could take a request for something
// else.
func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	switch {
	case text == "" && u.Scheme == "http":
		text = "80"
	case text == "":
		text = "443"
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port < 1024 && port != 80 && port != 443 {
		return 0, fmt.Errorf("the port %.10q is not 80, 443, or 1024 and above", text)
	}
	return uint16(port), nil
}

// checkHost takes addresses in their usual form and names that can be had on the internet.
func checkHost(host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return errors.New("its address has a zone")
		}
		return nil
	}
	name, err := ascii(host)
	if err != nil {
		return errors.New("its host is no name")
	}
	labels := strings.Split(name, ".")
	switch {
	case slices.Contains(labels, ""):
		return errors.New("its host is no name")
	case len(labels) < 2:
		return errors.New("its host is a name without a dot")
	}
	// WHATWG URL 3.5: what ends in a number is an IPv4 address to many programs: 127.1, 0x7f.1, 017700000001. No domain ends so.
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return errors.New("its host is an address in a form that is not used")
	}
	return nil
}

// ascii is a name in A-labels, without a final dot.
func ascii(host string) (string, error) {
	host = strings.TrimSuffix(host, ".")
	// Names of hosts have no "_", but those of web servers do, and DNS lets them (RFC 2181 11).
	plain := strings.ReplaceAll(host, "_", "-")
	if name, err := idna.Lookup.ToASCII(plain); err != nil || name != plain {
		return name, err
	}
	return host, nil
}
