package schema_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// content is what a server keeps, as its users see it: what must be the same after every upgrade. It is read through the
// rooms, so a release that stores things otherwise changes nothing here.
type content struct {
	AppPassword string // of ann, drawn when the database was made
	Accounts    []account
	Spool       []string
	Ordered     []string `json:",omitempty"` // of certificates: file and what it says
}

type account struct {
	Address   string
	Name      string
	Quota     [3]int64 // bytes, messages, mailboxes
	Used      [2]int64
	SignsIn   bool     // with password
	Apps      []string // names of app passwords
	Resolves  []string // addresses that lead here
	Mailboxes []box
	Sent      []string `json:",omitempty"` // submissions, and what became of them
}

type box struct {
	Path          string
	Role          string `json:",omitempty"`
	Subscribed    bool
	UIDValidity   uint32
	UIDNext       mail.UID
	HighestModSeq mail.ModSeq
	Annotations   []string `json:",omitempty"` // name and value
	Messages      []msg    `json:",omitempty"`
}

type msg struct {
	UID     mail.UID
	ModSeq  mail.ModSeq
	Flags   string
	Size    int64
	Date    int64 // INTERNALDATE, unix milliseconds
	Subject string
	From    string
	Type    string
	Preview string
	Thread  int // counted in the account: equal numbers are one thread
	SHA256  string
}

const password = "an old password"

// describe reads everything. Addresses are those that are asked to resolve.
func (r *rooms) describe(appPassword string, addresses []string) content {
	r.t.Helper()
	c := content{AppPassword: appPassword}
	var ids []mail.AccountID
	r.read(func(t *tx.Tx) error {
		list, err := r.directory.Accounts(t, "", mail.Address{}, 100)
		for _, a := range list {
			q, err := r.directory.QuotaState(t, a.ID)
			if err != nil {
				return err
			}
			ids = append(ids, a.ID)
			c.Accounts = append(c.Accounts, account{Address: a.Address.String(), Name: a.Name,
				Quota: [3]int64{q.Bytes, q.Messages, q.Mailboxes}, Used: [2]int64{q.UsedBytes, q.UsedMessages}})
		}
		return err
	})
	for i, id := range ids {
		a := &c.Accounts[i]
		a.SignsIn = r.signsIn(a.Address, password)
		a.Resolves = r.resolving(id, addresses)
		a.Mailboxes = r.mailboxes(id)
		a.Sent = r.sent(id)
		apps, err := r.provision.AppPasswords(r.t.Context(), address(a.Address))
		r.must(err)
		for _, p := range apps {
			a.Apps = append(a.Apps, p.Name)
		}
	}
	c.Ordered = r.ordered()
	if !r.signsIn(c.Accounts[0].Address, appPassword) {
		r.t.Error("the app password does not sign in")
	}
	c.Spool = r.spooled()
	return c
}

func address(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func (r *rooms) signsIn(login, password string) bool {
	_, err := r.auth.Verify(r.t.Context(), auth.Attempt{Login: login, Password: password, Remote: netip.MustParseAddr("127.0.0.1")})
	if err != nil && !mail.Is(err, mail.Denied) {
		r.t.Error(err)
	}
	return err == nil
}

func (r *rooms) resolving(id mail.AccountID, addresses []string) (list []string) {
	for _, a := range addresses {
		r.read(func(t *tx.Tx) error {
			to, err := r.directory.Resolve(t, address(a))
			if slices.Contains(to.Accounts, id) {
				list = append(list, a)
			}
			return err
		})
	}
	return list
}

func (r *rooms) mailboxes(id mail.AccountID) (boxes []box) {
	r.t.Helper()
	var list []mailbox.Mailbox
	r.read(func(t *tx.Tx) (err error) { list, err = r.mailbox.List(t, id); return err })
	threads := map[mail.ThreadID]int{}
	for _, m := range list {
		b := box{Path: m.Path, Role: string(m.Role), Subscribed: m.Subscribed, UIDValidity: m.UIDValidity, UIDNext: m.UIDNext, HighestModSeq: m.ModSeq}
		r.read(func(t *tx.Tx) error {
			b.Annotations = nil
			return r.mailbox.Annotations(t, id, id, []mail.MailboxID{m.ID}, nil, func(a mailbox.Annotation) bool {
				b.Annotations = append(b.Annotations, a.Entry+" "+string(a.Value))
				return true
			})
		})
		view, err := r.mailbox.View(r.t.Context(), id, m.ID)
		r.must(err)
		for _, e := range view.All() {
			b.Messages = append(b.Messages, r.message(id, view, e, threads))
		}
		boxes = append(boxes, b)
	}
	return boxes
}

func (r *rooms) message(id mail.AccountID, view *mailbox.View, e mailbox.Entry, threads map[mail.ThreadID]int) msg {
	r.t.Helper()
	var email mailbox.Email
	r.read(func(t *tx.Tx) (err error) { email, err = r.mailbox.Email(t, id, e.Email); return err })
	var s message.Summary
	r.must(s.UnmarshalBinary(email.Summary))
	if threads[email.Thread] == 0 {
		threads[email.Thread] = len(threads) + 1
	}
	from := s.Envelope.From[0]
	sum := sha256.Sum256(r.content(id, email.Blob))
	return msg{UID: e.UID, ModSeq: e.ModSeq, Flags: strings.Join(view.FlagsOf(e).Names(), " "), Size: int64(e.Size), Date: e.Received,
		Subject: s.Envelope.Subject, From: from.Spec(), Type: s.Root.Type + "/" + s.Root.Subtype, Preview: s.Preview,
		Thread: threads[email.Thread], SHA256: hex.EncodeToString(sum[:])}
}

func (r *rooms) sent(id mail.AccountID) (list []string) {
	r.read(func(t *tx.Tx) error {
		page, err := r.submissions.List(t, id, submissions.Submission{}, 0)
		for _, s := range page {
			list = append(list, fmt.Sprintf("%s from <%v> id %s size %d due %d", s.Trace, s.ReversePath, s.MessageID, s.Size, s.Due.UnixMilli()))
			events, err := r.submissions.Events(t, id, s.ID)
			if err != nil {
				return err
			}
			for i, to := range s.Recipients {
				list = append(list, fmt.Sprintf("to <%v>", to.Address))
				for _, e := range events[i] {
					list = append(list, fmt.Sprintf("%s at %d by %q: %v", e.Kind, e.At.UnixMilli(), e.By, e.Reply))
				}
			}
		}
		return err
	})
	return list
}

func (r *rooms) spooled() (list []string) {
	r.read(func(t *tx.Tx) error {
		ids, err := r.spool.Messages(t, 0, 0)
		for _, id := range ids {
			var m spool.Message
			if m, err = r.spool.Message(t, id); err != nil {
				return err
			}
			to, err := r.spool.Recipients(t, id)
			if err != nil {
				return err
			}
			e := m.Envelope
			list = append(list, fmt.Sprintf("%s from <%v> body %s envid %s ret %s", e.ID, e.ReversePath, e.Body, e.EnvID, e.Ret))
			for i, r := range to {
				list = append(list, fmt.Sprintf("%d <%v> was <%s> due %d attempts %d", r.Number, r.Address, e.Recipients[i].Original.Address, r.Due.UnixMilli(), r.Attempts))
			}
		}
		return err
	})
	return list
}

// ordered lists what is kept of certificates.
func (r *rooms) ordered() (list []string) {
	names, err := r.certs.List(r.t.Context(), "acme", true)
	r.must(err)
	for _, name := range names {
		e, err := r.certs.Stat(r.t.Context(), name)
		r.must(err)
		if !e.Folder {
			text, err := r.certs.Load(r.t.Context(), name)
			r.must(err)
			list = append(list, name+" "+string(text))
		}
	}
	return list
}
