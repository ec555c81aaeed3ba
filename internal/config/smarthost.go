package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// Smarthost is the URL of outbound.smarthost, read.
type Smarthost struct {
	Host               string
	Port               uint16
	TLS                bool // from the first byte
	Username, Password string
}

// Host reads the smarthost; nil where there is none. What it says is wrong does not repeat the URL, which may hold a password.
func (o Outbound) Host() (*Smarthost, error) {
	if o.Smarthost == "" {
		return nil, nil
	}
	u, err := url.Parse(o.Smarthost)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	s := &Smarthost{Host: u.Hostname(), Username: u.User.Username()}
	s.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtps":
		s.Port, s.TLS = 465, true
	case "smtp":
		s.Port = 587
	default:
		return nil, errors.New("is not a smtps:// or smtp:// URL")
	}
	if s.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("is not only a host, a port, and who signs in")
	}
	if (s.Username == "") != (s.Password == "") {
		return nil, errors.New("has a user without a password, or a password without a user")
	}
	if u.Port() != "" {
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is not a port number", u.Port())
		}
		s.Port = uint16(n)
	}
	return s, nil
}
