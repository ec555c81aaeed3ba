package jmapserver

import (
	"context"
	"net/http"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// bearer is the scheme Bearer (RFC 6750): an access token from the sign-in page.
type bearer struct {
	auth     *auth.Store
	metadata string
}

// Bearer is signing in with a token. metadata is where a program finds out how to get one (RFC 9728 5.1).
func Bearer(a *auth.Store, metadata string) Scheme { return bearer{a, metadata} }

func (bearer) Name() string { return "Bearer" }

func (b bearer) Challenge(refused error) string {
	challenge := `Bearer realm="mail", scope="mail", resource_metadata="` + b.metadata + `"`
	if refused != nil {
		challenge += `, error="invalid_token"` // RFC 6750 3.1: get another
	}
	return challenge
}

func (b bearer) Authenticate(ctx context.Context, credentials string, r *http.Request) (*method.User, error) {
	in, err := b.auth.Bearer(ctx, credentials)
	if err != nil {
		return nil, err
	}
	u := userOf(b.auth, in, r)
	u.Session = "jmap-" + strconv.FormatInt(in.Session(), 36)
	return u, nil
}

// userOf is who has signed in, for as long as that stands.
func userOf(a *auth.Store, in auth.SignIn, r *http.Request) *method.User {
	u := &method.User{Account: in.Account, Login: in.Login(), Remote: RemoteOf(r), Credential: in.Credential(), InPerson: in.InPerson(), Stands: func(ctx context.Context) error { return a.Recheck(ctx, in) }}
	for _, s := range []struct {
		has  auth.Scope
		gets method.Scope
	}{{auth.ReadMail, method.Read}, {auth.WriteMail, method.Write}, {auth.SendMail, method.Send}} {
		if in.Scope()&s.has != 0 {
			u.Scope |= s.gets
		}
	}
	return u
}
