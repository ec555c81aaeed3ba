package sending

import (
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// identityWork is one Identity/set in its commit.
type identityWork struct {
	*answered
	s       *Sending
	t       *tx.Tx
	account mail.AccountID
	resolve func(string) (string, bool)
}

func (w *identityWork) all(args method.SetArgs) error {
	for _, key := range slices.Sorted(maps.Keys(args.Create)) {
		if err := w.create(key, args.Create[key]); err != nil {
			return err
		}
	}
	list, err := w.s.o.Identities.List(w.t, w.account)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(args.Update)) {
		if slices.Contains(args.Destroy, id) {
			w.Failed[updating+id] = method.Fail(method.WillDestroy, "the same call destroys it")
			continue
		}
		if err := w.update(list, id, args.Update[id]); err != nil {
			return err
		}
	}
	for _, id := range method.Unique(args.Destroy) {
		if err := w.refused(destroying+id, w.s.o.Identities.Remove(w.t, w.account, w.id(id))); err != nil {
			return err
		}
	}
	return nil
}

// id reads an id, or that of an object of this call; 0 for one that can be none.
func (w *identityWork) id(name string) mail.IdentityID {
	if key, is := strings.CutPrefix(name, "#"); is {
		if made, here := w.Created[key]; here {
			name = made
		} else if known, ok := w.resolve(name); ok {
			name = known
		}
	}
	id, _ := mail.ParseIdentityID(name) // 0 is nobody's
	return id
}

func (w *identityWork) create(key string, object ijson.Value) error {
	i, wrong := readIdentity(identity{}, object)
	if wrong == nil && i.Email == "" {
		wrong = method.Bad("an identity has an email", "email")
	}
	if wrong != nil {
		w.Failed[creating+key] = wrong
		return nil
	}
	own, err := w.sendsAs(i.Email)
	if err != nil {
		return err
	}
	if !own { // RFC 8621 6.3
		w.Failed[creating+key] = method.Fail(forbiddenFrom, "%.100q is no address of the account", i.Email)
		return nil
	}
	id, err := w.s.o.Identities.Add(w.t, w.account, i)
	w.Created[key] = id.String()
	return w.refused(creating+key, err)
}

func (w *identityWork) sendsAs(email string) (bool, error) {
	a, err := parseAddress(email)
	if err != nil {
		return false, nil
	}
	return w.s.o.Directory.SendsAs(w.t, w.account, a)
}

// parseAddress reads an address as it stands in an envelope.
func parseAddress(email string) (mail.Address, error) {
	a, err := mail.ParseAddress(email)
	if err != nil {
		at := strings.LastIndexByte(email, '@')
		if at < 0 {
			return a, err
		}
		domain, failed := smtp.ASCIIDomain(email[at+1:])
		if failed != nil {
			return a, err
		}
		a, err = mail.ParseAddress(email[:at+1] + domain)
	}
	if err == nil && a.Domain != "" && !a.IsLiteral() {
		a.Domain, err = smtp.ASCIIDomain(a.Domain)
	}
	return a, err
}

func (w *identityWork) update(list []identities.Identity, name string, patch map[string]ijson.Value) error {
	id := w.id(name)
	at := slices.IndexFunc(list, func(i identities.Identity) bool { return i.ID == id })
	if at < 0 {
		w.Failed[updating+name] = method.Fail(method.NotFound, "there is no identity %.40q", name)
		return nil
	}
	before := identityOf(list[at])
	object, err := ijson.Marshal(before)
	if err != nil {
		return err
	}
	patched, wrong := method.Patch(object, patch)
	var i identities.Identity
	if wrong == nil {
		i, wrong = readIdentity(before, patched)
	}
	if wrong != nil {
		w.Failed[updating+name] = wrong
		return nil
	}
	i.ID = id
	return w.refused(updating+name, w.s.o.Identities.Set(w.t, w.account, i))
}

// readIdentity reads an Identity whose immutable properties are those of another, which has no id where it is created.
func readIdentity(before identity, object ijson.Value) (out identities.Identity, wrong *method.Error) {
	if !ijson.IsObject(object) {
		return out, method.Bad("an Identity is an object")
	}
	i := identity{Email: before.Email, ID: before.ID, MayDelete: before.MayDelete}
	var bad []string
	given := map[string]bool{}
	texts := map[string]*string{"id": &i.ID, "name": &i.Name, "email": &i.Email, "textSignature": &i.TextSignature, "htmlSignature": &i.HTMLSignature}
	lists := map[string]**[]field.Address{"replyTo": &i.ReplyTo, "bcc": &i.Bcc}
	err := ijson.Members(object, func(name string, v ijson.Value) error {
		var err error
		given[name] = true
		switch {
		case texts[name] != nil && ijson.IsNull(v) && name != "id" && name != "email": // RFC 8620 5.3: the default
		case texts[name] != nil:
			err = ijson.Strict(v, texts[name])
		case lists[name] != nil:
			err = ijson.Strict(v, lists[name])
		case name == "mayDelete":
			err = ijson.Strict(v, &i.MayDelete)
		default:
			bad = append(bad, name)
		}
		if err != nil {
			bad = append(bad, name)
		}
		return nil
	})
	if err != nil {
		bad = append(bad, "name")
	}
	created := before.ID == ""
	if i.ID != before.ID {
		bad = append(bad, "id")
	}
	if i.MayDelete != before.MayDelete || created && given["mayDelete"] {
		bad = append(bad, "mayDelete")
	}
	if !created && i.Email != before.Email {
		bad = append(bad, "email")
	}
	if hasControl(i.Name) {
		bad = append(bad, "name")
	}
	out = identities.Identity{Name: i.Name, Email: i.Email}
	out.TextSignature, out.HTMLSignature = i.TextSignature, i.HTMLSignature
	out.ReplyTo, out.Bcc = keptAddresses("replyTo", i.ReplyTo, &bad), keptAddresses("bcc", i.Bcc, &bad)
	if len(bad) > 0 {
		slices.Sort(bad)
		return out, method.Bad("a property has the wrong type, cannot be set, or is not one of an Identity", slices.Compact(bad)...)
	}
	return out, nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func keptAddresses(property string, list *[]field.Address, bad *[]string) []identities.Address {
	if list == nil {
		return nil
	}
	out := make([]identities.Address, len(*list))
	for n, a := range *list {
		if out[n].Email = a.Email; a.Name != nil {
			out[n].Name = *a.Name
		}
		if a.Email == "" || hasControl(a.Email) || hasControl(out[n].Name) {
			*bad = append(*bad, property)
		}
	}
	return out
}
