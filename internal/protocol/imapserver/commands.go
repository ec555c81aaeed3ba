package imapserver

import "github.com/mailmesh/mailmesh/internal/rfc/imap"

// run carries a command out. Reader has checked that the state allows it.
func (s *session) run(request imap.Request) (reply, error) {
	switch c := request.Command.(type) {
	case imap.Capability:
		s.out.Capability(s.capabilities())
		return ok("these are my capabilities"), nil
	case imap.Noop, imap.Check:
		return ok("done"), nil
	case imap.Logout:
		s.bye("", "good bye")
		return ok("logged out"), nil
	case imap.ID:
		return s.identify(c), nil
	case imap.Enable:
		return s.enable(c), nil
	case imap.StartTLS:
		return s.startTLS(request.Tag)
	case imap.Login:
		return s.login(c)
	case imap.Authenticate:
		return s.authenticate(c)
	case imap.Namespace:
		s.out.Namespace([]imap.NamespaceEntry{{Prefix: "", Delimiter: delimiter}}, nil, nil)
		return ok("there is one namespace"), nil
	}
	if r, err, done := s.runMailboxes(request); done {
		return r, err
	}
	return s.runSelected(request)
}

// runMailboxes carries out the commands about mailboxes as a whole.
func (s *session) runMailboxes(request imap.Request) (r reply, err error, done bool) {
	switch c := request.Command.(type) {
	case imap.List:
		r, err = s.list(c)
	case imap.Lsub:
		r, err = s.lsub(c)
	case imap.Status:
		r, err = s.status(c)
	case imap.Create:
		r, err = s.create(c, request.Canonical)
	case imap.Delete:
		r, err = s.delete(c, request.Canonical)
	case imap.Rename:
		r, err = s.rename(c, request.Canonical)
	case imap.Subscribe:
		r, err = s.subscribe(c.Mailbox, true)
	case imap.Unsubscribe:
		r, err = s.subscribe(c.Mailbox, false)
	case imap.Select:
		r, err = s.selectMailbox(c, request.Canonical)
	case *imap.Append:
		r, err = s.append(c, request.Canonical)
	case imap.Idle:
		r, err = s.idle()
	default:
		return reply{}, nil, false
	}
	return r, err, true
}

// runSelected carries out the commands of the selected state.
func (s *session) runSelected(request imap.Request) (reply, error) {
	switch c := request.Command.(type) {
	case imap.Close:
		return s.closeMailbox()
	case imap.Unselect:
		s.unselect()
		return ok("no mailbox is selected"), nil
	case imap.Expunge:
		return s.expunge(c)
	case imap.Search:
		return s.search(request.Tag, c)
	case imap.Fetch:
		return s.fetch(c)
	case imap.Store:
		return s.store(c)
	case imap.Copy:
		return s.copy(c)
	case imap.Move:
		return s.move(c)
	}
	return bad("this command is not known here"), nil
}
