package jmapservertest

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/access"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/core"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// Server are rooms with methods upon them.
type Server struct {
	*doortest.Rooms
	Registry *method.Registry
	Log      *doortest.Log
}

// Mailboxes are those of Ann and Bob besides the INBOX.
var Mailboxes = map[string]mailbox.Role{"Drafts": mailbox.RoleDrafts, "Sent": mailbox.RoleSent, "Trash": mailbox.RoleTrash, "Archive": mailbox.RoleArchive}

// Open opens rooms with the methods that register adds, and those of the core.
func Open(t testing.TB, on doortest.Engine, register func(r *method.Registry, rooms *doortest.Rooms)) *Server {
	t.Helper()
	s := &Server{Rooms: doortest.Open(t, on, Mailboxes), Registry: method.NewRegistry(), Log: &doortest.Log{}}
	core.Register(s.Registry, core.Limits{})
	s.Registry.Add(working, method.Method{Capability: core.Capability, Run: func(_ context.Context, c *method.Call) (any, error) {
		return struct{}{}, c.Work(method.MaxWork)
	}})
	if register != nil {
		register(s.Registry, s.Rooms)
	}
	return s
}

// User is one of the accounts, who may do anything.
func (s *Server) User(account mail.AccountID) *method.User {
	login := doortest.AnnAddress
	if account == doortest.Bob {
		login = doortest.BobAddress
	}
	return &method.User{Account: account, Login: login, Scope: method.All, InPerson: true}
}

// Do carries out a request. A Problem ends the test.
func (s *Server) Do(u *method.User, req *method.Request) *method.Response {
	s.T.Helper()
	o := method.Options{Account: access.New(s.Tx, s.Mailbox).Account, Log: slog.New(slog.NewTextHandler(s.Log, nil))}
	resp, err := s.Registry.Run(context.WithoutCancel(s.T.Context()), u, req, o)
	s.Must(err)
	return resp
}

// All are the capabilities of the registry.
func (s *Server) All() (all []string) {
	for uri := range s.Registry.Capabilities() {
		all = append(all, uri)
	}
	return all
}

// Call makes one call as Ann. args is a struct, a map, or text. The response's name is that of the method, or "error".
func (s *Server) Call(name string, args any) (response string, value map[string]any) {
	s.T.Helper()
	return s.CallAs(doortest.Ann, name, args)
}

// CallAs is Call as another user.
func (s *Server) CallAs(account mail.AccountID, name string, args any) (response string, value map[string]any) {
	s.T.Helper()
	var text ijson.Value
	if t, is := args.(string); is {
		text = ijson.Value(t)
	} else {
		var err error
		text, err = ijson.Marshal(args)
		s.Must(err)
	}
	resp := s.Do(s.User(account), &method.Request{Using: s.All(), Calls: []method.Invocation{{Name: name, Args: text, ID: "0"}}})
	s.Must(json.Unmarshal(resp.Responses[0].Args, &value))
	return resp.Responses[0].Name, value
}

// working is a method that reads as much as a request may.
const working = "Test/work"

// CallTired makes one call as Ann in a request that has read as much as it may, and returns the type of its error.
func (s *Server) CallTired(name string, args any) (failed string) {
	s.T.Helper()
	text, err := ijson.Marshal(args)
	s.Must(err)
	resp := s.Do(s.User(doortest.Ann), &method.Request{Using: s.All(), Calls: []method.Invocation{{Name: working, Args: ijson.Value("{}"), ID: "0"}, {Name: name, Args: text, ID: "1"}}})
	var value struct {
		Type string `json:"type"`
	}
	s.Must(json.Unmarshal(resp.Responses[1].Args, &value))
	return value.Type
}

// Request sends a request as text, and returns the response as text.
func (s *Server) Request(account mail.AccountID, text string) string {
	s.T.Helper()
	req, problem := method.ParseRequest([]byte(text))
	if problem != nil {
		s.T.Fatal(problem)
	}
	out, err := s.Do(s.User(account), req).Bytes("state")
	s.Must(err)
	return string(out)
}
