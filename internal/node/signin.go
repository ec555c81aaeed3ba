package node

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver"
	"github.com/mailmesh/mailmesh/internal/protocol/oidcserver"
)

// issuer is what the sign-in page calls itself: where it is reached (RFC 8414 2). "" where there is no HTTPS door.
func (n *Node) issuer() string {
	switch port := httpsPort(n.cfg); {
	case len(n.cfg.Listen.HTTPS) == 0:
		return ""
	case port == 443 || port == 0: // 0: whichever is free, as tests have it
		return "https://" + n.cfg.Hostname
	default:
		return "https://" + net.JoinHostPort(n.cfg.Hostname, strconv.Itoa(port))
	}
}

// schemes are the ways to sign in to the HTTP doors.
func (n *Node) schemes() []jmapserver.Scheme {
	var all []jmapserver.Scheme
	if issuer := n.issuer(); issuer != "" {
		all = append(all, jmapserver.Bearer(n.rooms.auth, issuer+oidcserver.ResourcePath))
	}
	return append(all, jmapserver.Basic(n.rooms.auth))
}

// addSignIn puts the sign-in page in its places.
func (n *Node) addSignIn(places map[string]http.Handler) error {
	issuer := n.issuer()
	if issuer == "" {
		return nil
	}
	s, err := oidcserver.New(oidcserver.Options{Issuer: issuer, Auth: n.rooms.auth, Secret: n.rooms.signInSecret, Log: n.log})
	if err != nil {
		return err
	}
	h := s.Handler()
	for _, prefix := range oidcserver.Prefixes {
		places[prefix] = h
	}
	return nil
}

// forgetSessions removes what is left of sessions that have ended.
func (n *Node) forgetSessions(ctx context.Context) error {
	for {
		gone, err := n.rooms.auth.ForgetSessions(ctx, maxForgotten)
		if err != nil || gone < maxForgotten {
			return err
		}
	}
}
