package adminserver

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

func showDomain(d directory.Domain) Domain {
	return Domain{Name: d.Name, CatchAll: d.CatchAll.String(), Disabled: d.Disabled, Created: d.Created}
}

func (h *handler) listDomains(r *http.Request) (any, error) {
	l, err := parseListing(r)
	if err != nil {
		return nil, err
	}
	found, err := h.provision.Domains(r.Context(), l.after, l.limit)
	return toPage(l, found, showDomain, func(d directory.Domain) string { return d.Name }), err
}

func (h *handler) addDomain(r *http.Request) (any, error) {
	in, err := body[NewDomain](r)
	if err != nil {
		return nil, err
	}
	d, err := h.provision.AddDomain(r.Context(), in.Name)
	return created{showDomain(d)}, err
}

func (h *handler) getDomain(r *http.Request) (any, error) {
	d, err := h.provision.Domain(r.Context(), r.PathValue("name"))
	return showDomain(d), err
}

func (h *handler) changeDomain(r *http.Request) (any, error) {
	in, err := body[DomainChange](r)
	if err != nil {
		return nil, err
	}
	c := provision.DomainChange{Disabled: in.Disabled}
	if in.CatchAll != nil {
		var to mail.Address
		if *in.CatchAll != "" {
			if to, err = directory.ParseAddress(*in.CatchAll); err != nil {
				return nil, err
			}
		}
		c.CatchAll = &to
	}
	d, err := h.provision.ChangeDomain(r.Context(), r.PathValue("name"), c)
	return showDomain(d), err
}

func (h *handler) removeDomain(r *http.Request) (any, error) {
	return nil, h.provision.RemoveDomain(r.Context(), r.PathValue("name"))
}

func showAccount(a provision.Account) Account {
	return Account{
		ID: a.ID.String(), Address: a.Address.String(), Name: a.Name, Disabled: a.Disabled, Admin: a.Admin, Shared: a.Shared, Created: a.Created,
		QuotaBytes: a.Quota.Bytes, QuotaMessages: a.Quota.Messages, QuotaMailboxes: a.Quota.Mailboxes, UsedBytes: a.Quota.UsedBytes, UsedMessages: a.Quota.UsedMessages,
		MaxRecipients: int64(a.Sending.MaxRecipients), MaxStrangers: int64(a.Sending.MaxStrangers), SentCopy: a.Sending.SentCopy,
		UndoSeconds: int64(a.Sending.Undo / time.Second),
	}
}

func (h *handler) listAccounts(r *http.Request) (any, error) {
	l, err := parseListing(r)
	if err != nil {
		return nil, err
	}
	var after mail.Address
	if l.after != "" {
		if after, err = directory.ParseAddress(l.after); err != nil {
			return nil, err
		}
	}
	found, err := h.provision.Accounts(r.Context(), l.domain, after, l.limit)
	return toPage(l, found, showAccount, func(a provision.Account) string { return a.Address.String() }), err
}

func (h *handler) addAccount(r *http.Request) (any, error) {
	in, err := body[NewAccount](r)
	if err != nil {
		return nil, err
	}
	address, err := directory.ParseAddress(in.Address)
	if err != nil {
		return nil, err
	}
	a, err := h.provision.AddAccount(r.Context(), provision.Request{
		Address: address, Name: in.Name, Password: in.Password,
		Quota: directory.Quota{Bytes: in.QuotaBytes, Messages: in.QuotaMessages, Mailboxes: in.QuotaMailboxes},
	})
	return created{showAccount(a)}, err
}

func (h *handler) getAccount(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	a, err := h.provision.Account(r.Context(), address)
	return showAccount(a), err
}

func (h *handler) changeAccount(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	in, err := body[AccountChange](r)
	if err != nil {
		return nil, err
	}
	a, err := h.provision.ChangeAccount(r.Context(), address, provision.AccountChange(in))
	return showAccount(a), err
}

func (h *handler) removeAccount(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.RemoveAccount(r.Context(), address)
}

func (h *handler) setPassword(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	in, err := body[NewPassword](r)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.SetPassword(r.Context(), address, in.Password)
}

func showAppPassword(a auth.AppPassword) AppPassword {
	return AppPassword{ID: strconv.FormatInt(a.ID, 10), Name: a.Name, Created: a.Created, LastUsed: showTime(a.LastUsed)}
}

func (h *handler) listAppPasswords(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	found, err := h.provision.AppPasswords(r.Context(), address) // never more than a page
	return toPage(listing{limit: directory.MaxPage}, found, showAppPassword, nil), err
}

func (h *handler) addAppPassword(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	in, err := body[NewAppPassword](r)
	if err != nil {
		return nil, err
	}
	a, shown, err := h.provision.AddAppPassword(r.Context(), address, in.Name)
	out := showAppPassword(a)
	out.Password = shown
	return created{out}, err
}

func (h *handler) revokeAppPassword(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, invalid("the id of an app password is a number, as listed, not %.40q", r.PathValue("id"))
	}
	return nil, h.provision.RevokeAppPassword(r.Context(), address, id)
}

func showSession(v auth.Session) Session {
	out := Session{ID: strconv.FormatInt(v.ID, 10), Client: v.Client, Name: v.Name, Redirect: v.Redirect, Created: v.Created, LastUsed: v.LastUsed, Expires: v.Expires}
	for _, s := range []struct {
		scope auth.Scope
		word  string
	}{{auth.ReadMail, "read"}, {auth.WriteMail, "write"}, {auth.SendMail, "send"}} {
		if v.Scope&s.scope != 0 {
			out.Scope = append(out.Scope, s.word)
		}
	}
	return out
}

func (h *handler) listSessions(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	found, err := h.provision.Sessions(r.Context(), address) // never more than a page
	return toPage(listing{limit: directory.MaxPage}, found, showSession, nil), err
}

func (h *handler) endSessions(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.RevokeSession(r.Context(), address, 0)
}

func (h *handler) revokeSession(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return nil, invalid("the id of a session is a number, as listed, not %.40q", r.PathValue("id"))
	}
	return nil, h.provision.RevokeSession(r.Context(), address, id)
}

func (h *handler) rebuildSearch(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.RebuildSearch(r.Context(), address)
}

func showAlias(a directory.Alias) Alias {
	return Alias{Address: a.Address.String(), Target: a.Target.String(), Created: a.Created}
}

func (h *handler) listAliases(r *http.Request) (any, error) {
	l, err := parseListing(r)
	if err != nil {
		return nil, err
	}
	after, err := parseAliasMark(l.after)
	if err != nil {
		return nil, err
	}
	found, err := h.provision.Aliases(r.Context(), l.domain, after, l.limit)
	return toPage(l, found, showAlias, aliasMark), err
}

// aliasMark names a place in the list of aliases: an address can be in it more than once.
func aliasMark(a directory.Alias) string {
	text, _ := json.Marshal(directory.Alias{Address: a.Address, Target: a.Target, Account: a.Account}) // holds nothing that cannot be written
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseAliasMark(s string) (a directory.Alias, err error) {
	if s == "" {
		return a, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		err = invalid("after is what the page before named as next, not %.40q", s)
	}
	return a, err
}

func (h *handler) addAlias(r *http.Request) (any, error) {
	in, err := body[NewAlias](r)
	if err != nil {
		return nil, err
	}
	address, err := directory.ParseAddress(in.Address)
	if err != nil {
		return nil, err
	}
	target, err := directory.ParseAddress(in.Target)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.AddAlias(r.Context(), address, target)
}

// removeAlias takes the target that the query names from an alias, without one the alias.
func (h *handler) removeAlias(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	var target mail.Address
	if s := r.URL.Query().Get("target"); s != "" {
		if target, err = directory.ParseAddress(s); err != nil {
			return nil, err
		}
	}
	return nil, h.provision.RemoveAlias(r.Context(), address, target)
}
