package mailboxes_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// tree is Ann's mailboxes of her own making, and the roles besides those of every account.
func tree(s *jmapservertest.Server) string {
	var out []string
	s.Read(func(t *tx.Tx) error {
		list, err := s.Mailbox.List(t, doortest.Ann)
		for _, m := range list {
			if !slices.Contains([]string{"INBOX", "Archive", "Drafts", "Sent", "Trash", "Junk"}, m.Path) {
				out = append(out, strings.TrimSuffix(m.ID.String()+"="+m.Path+"("+string(m.Role), "(")+map[bool]string{true: ")"}[m.Role != ""])
			}
		}
		return err
	})
	slices.Sort(out)
	return strings.Join(out, " ")
}

// RFC 8620 5.3: what is valid when all of the call is done is allowed.
func TestWhatIsValidAtTheEndIsAllowed(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			for _, tt := range []struct{ name, arguments, want string }{
				{"two exchange names", `"update":{"$a":{"name":"b"},"$b":{"name":"a"}}`, "$a=b $b=a $c=c $d=c/d $e=c/e(important)"},
				{"three do", `"update":{"$a":{"name":"b"},"$b":{"name":"c"},"$c":{"name":"a"}}`, "$a=b $b=c $c=a $d=a/d $e=a/e(important)"},
				{"what nobody can have does not keep the others from it", `"update":{"$a":{"name":"b"},"$b":{"name":"a"},"$c":{"name":"Sent"}}`, "$a=b $b=a $c=c $d=c/d $e=c/e(important)"},
				{"the name of one that is destroyed", `"update":{"$a":{"name":"b"}},"destroy":["$b"]`, "$a=b $c=c $d=c/d $e=c/e(important)"},
				{"the same for a new one, with one below it", `"create":{"k":{"name":"b"},"l":{"name":"x","parentId":"#k"}},"destroy":["$b"]`, "$a=a $c=c $d=c/d $e=c/e(important) $new=b $new=b/x"},
				{"the role of one that is destroyed", `"update":{"$a":{"role":"important"}},"destroy":["$e"]`, "$a=a(important) $b=b $c=c $d=c/d"},
				{"two exchange roles", `"update":{"$e":{"role":"templates"},"$f":{"role":"important"}}`, "$a=a $b=b $c=c $d=c/d $e=c/e(templates) $f=f(important)"},
				{"above and below change places", `"update":{"$c":{"parentId":"$d"},"$d":{"parentId":null}}`, "$a=a $b=b $c=d/c $d=d $e=d/c/e(important)"},
				{"they do with their names", `"update":{"$c":{"parentId":"$d","name":"d"},"$d":{"parentId":null,"name":"c"}}`, "$a=a $b=b $c=c/d $d=c $e=c/d/e(important)"},
				{"a place is left by one that is moved away later", `"update":{"$d":{"name":"e"},"$e":{"parentId":null}}`, "$a=a $b=b $c=c $d=c/e $e=e(important)"},
				{"one is destroyed when what was below it is away", `"update":{"$d":{"parentId":null,"name":"a"},"$e":{"parentId":null}},"destroy":["$c","$a"]`, "$b=b $d=a $e=e(important)"},
			} {
				s := open(t, engine)
				vars := map[string]string{}
				made := []string{`"a":{"name":"a"}`, `"b":{"name":"b"}`, `"c":{"name":"c"}`, `"d":{"name":"d","parentId":"#c"}`, `"e":{"name":"e","parentId":"#c","role":"important"}`}
				if strings.Contains(tt.arguments, "$f") {
					made = append(made, `"f":{"name":"f","role":"templates"}`)
				}
				_, r := s.Call("Mailbox/set", fmt.Sprintf(`{"accountId":%q,"create":{%s}}`, doortest.Ann, strings.Join(made, ",")))
				for key, one := range r["created"].(map[string]any) {
					vars["$"+key] = one.(map[string]any)["id"].(string)
				}
				arguments, want := tt.arguments, tt.want
				for _, key := range slices.Sorted(maps.Keys(vars)) {
					arguments = strings.ReplaceAll(arguments, `"`+key+`"`, `"`+vars[key]+`"`)
					want = strings.ReplaceAll(want, key+"=", vars[key]+"=")
				}
				_, r = s.Call("Mailbox/set", fmt.Sprintf(`{"accountId":%q,%s}`, doortest.Ann, arguments))
				if created, _ := r["created"].(map[string]any); created["k"] != nil {
					for _, key := range []string{"k", "l"} {
						want = strings.Replace(want, "$new", created[key].(map[string]any)["id"].(string), 1)
					}
				}
				refused, _ := r["notUpdated"].(map[string]any)
				if len(refused) > 0 != strings.Contains(arguments, "Sent") || r["notCreated"] != nil || r["notDestroyed"] != nil {
					t.Errorf("%s: %v", tt.name, r)
				}
				words := strings.Fields(want)
				slices.Sort(words)
				if got := tree(s); got != strings.Join(words, " ") {
					t.Errorf("%s: the mailboxes are\n%s, want\n%s", tt.name, got, strings.Join(words, " "))
				}
				s.Read(func(t *tx.Tx) error {
					list, err := s.Mailbox.Subscriptions(t, doortest.Ann)
					for _, path := range list {
						if len(path) > 20 {
							s.T.Errorf("%s: subscribed is %q", tt.name, path)
						}
					}
					return err
				})
				followed(s, tt.name, r)
			}
		})
	}
}

// However many take the name of the next one, if the last one's is free.
func TestManyPassOnTheirNames(t *testing.T) {
	s := open(t, engines["sqlite"])
	var create, update []string
	for i := range 40 {
		create = append(create, fmt.Sprintf(`"k%02d":{"name":"n%02d"}`, i, i))
	}
	_, r := s.Call("Mailbox/set", fmt.Sprintf(`{"accountId":%q,"create":{%s}}`, doortest.Ann, strings.Join(create, ",")))
	made := r["created"].(map[string]any)
	for i, key := range slices.Sorted(maps.Keys(made)) {
		update = append(update, fmt.Sprintf(`%q:{"name":"n%02d"}`, made[key].(map[string]any)["id"], i+1))
	}
	_, r = s.Call("Mailbox/set", fmt.Sprintf(`{"accountId":%q,"update":{%s}}`, doortest.Ann, strings.Join(update, ",")))
	if updated, _ := r["updated"].(map[string]any); len(updated) != 40 {
		t.Errorf("%v", r["notUpdated"])
	}
}

// followed asks whether who had the state before a call learns of what it has done.
func followed(s *jmapservertest.Server, what string, r map[string]any) {
	s.T.Helper()
	_, changes := s.Call("Mailbox/changes", fmt.Sprintf(`{"accountId":%q,"sinceState":%q}`, doortest.Ann, r["oldState"]))
	if changes["newState"] != r["newState"] {
		s.T.Errorf("%s: the states are %v and %v", what, changes["newState"], r["newState"])
	}
	updated, _ := r["updated"].(map[string]any)
	for id := range updated {
		if _, err := mail.ParseMailboxID(id); err != nil || !slices.Contains(changes["updated"].([]any), any(id)) {
			s.T.Errorf("%s: %s is not among %v", what, id, changes["updated"])
		}
	}
}

// Who sees a mailbox at the top of another's account cannot rename it there, and is not told that it is not there.
func TestRenameNextToUnseen(t *testing.T) {
	s := open(t, engines["sqlite"])
	share(s, "Archive", mail.RightLookup|mail.RightRead|mail.RightDelete|mail.RightCreate)
	id := s.Path(doortest.Ann, "Archive").ID.String()
	r := s.Request(doortest.Bob, fmt.Sprintf(`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Mailbox/set",{"accountId":%q,"update":{%q:{"name":"x"}}},"0"]]}`, doortest.Ann, id))
	if !strings.Contains(r, `"type":"forbidden"`) {
		t.Error(r)
	}
}
