package subscriptions

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/push"
)

// sender keeps what it was told.
type sender struct {
	mu       sync.Mutex
	created  []push.Subscription
	verified []mail.AccountID
}

func (s *sender) Check(url string) error {
	if !strings.HasPrefix(url, "https://push.") {
		return errors.New("not a place to push to")
	}
	return nil
}

func (s *sender) Created(sub push.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created = append(s.created, sub)
}

func (s *sender) Verified(account mail.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verified = append(s.verified, account)
}

func start(t *testing.T) (*jmapservertest.Server, *sender) {
	told := &sender{}
	return jmapservertest.Open(t, dbtest.OnSQLite, func(r *method.Registry, rooms *doortest.Rooms) {
		New(Options{Tx: rooms.Tx, Push: push.New(), Sender: told, Key: "BKey"}).Register(r)
	}), told
}

func TestGolden(t *testing.T) {
	jmapservertest.Golden(t, "testdata/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
		s, _ := start(t)
		return s, nil
	})
}

// set makes one subscription, and returns its id.
func set(t *testing.T, s *jmapservertest.Server, object string) string {
	t.Helper()
	name, out := s.Call("PushSubscription/set", `{"create":{"a":`+object+`}}`)
	made, _ := out["created"].(map[string]any)
	a, _ := made["a"].(map[string]any)
	if name != "PushSubscription/set" || a["id"] == nil {
		t.Fatalf("%s %v", name, out)
	}
	return a["id"].(string)
}

func TestVerification(t *testing.T) {
	s, told := start(t)
	id := set(t, s, `{"deviceClientId":"x","url":"https://push.example.net/1","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"},"types":["Email"]}`)
	if len(told.created) != 1 || told.created[0].ID.String() != id || len(told.created[0].P256dh) != 65 || len(told.created[0].Auth) != 16 || len(told.verified) != 0 {
		t.Fatalf("%+v", told)
	}
	for _, code := range []string{`"wrong"`, `""`, `null`, `7`} {
		if _, out := s.Call("PushSubscription/set", `{"update":{"`+id+`":{"verificationCode":`+code+`}}}`); out["updated"] != nil && len(out["updated"].(map[string]any)) > 0 {
			t.Errorf("the code %s is taken: %v", code, out)
		}
	}
	s.CallAs(doortest.Bob, "PushSubscription/set", fmt.Sprintf(`{"update":{%q:{"verificationCode":%q}}}`, id, told.created[0].Code))
	if len(told.verified) != 0 {
		t.Fatal("it is verified without its code, or by somebody else")
	}
	_, out := s.Call("PushSubscription/set", fmt.Sprintf(`{"update":{%q:{"verificationCode":%q}}}`, id, told.created[0].Code))
	if len(told.verified) != 1 || len(out["updated"].(map[string]any)) != 1 {
		t.Errorf("verified: %v, %v", told.verified, out)
	}
	_, out = s.Call("PushSubscription/get", `{"ids":null,"properties":["verificationCode"]}`)
	if got := fmt.Sprint(out["list"]); !strings.Contains(got, told.created[0].Code) {
		t.Errorf("shown: %v", got)
	}
}

func TestExpires(t *testing.T) {
	s, _ := start(t)
	soon := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	id := set(t, s, `{"deviceClientId":"x","url":"https://push.example.net/1","expires":"`+utc(soon)+`"}`)
	get := func() time.Time {
		_, out := s.Call("PushSubscription/get", `{"ids":["`+id+`"]}`)
		at, err := time.Parse(time.RFC3339, out["list"].([]any)[0].(map[string]any)["expires"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if !get().Equal(soon) {
		t.Errorf("expires at %v", get())
	}
	name, out := s.Call("PushSubscription/set", `{"update":{"`+id+`":{"expires":"2999-01-02T03:04:05Z"}}}`)
	changed, _ := out["updated"].(map[string]any)[id].(map[string]any)
	if name == "error" || changed["expires"] != utc(get()) || get().After(time.Now().Add(push.MaxLife)) {
		t.Errorf("too long is answered %v, and is %v", out, get())
	}
}

func TestHowManyAreMade(t *testing.T) {
	s, told := start(t)
	for range MaxAnHour + 1 {
		_, out := s.Call("PushSubscription/set", `{"create":{"a":{"deviceClientId":"x","url":"https://push.example.net/1"}}}`)
		made, _ := out["created"].(map[string]any)
		if a, ok := made["a"].(map[string]any); ok {
			s.Call("PushSubscription/set", map[string]any{"destroy": []any{a["id"]}})
			continue
		}
		if failed := fmt.Sprint(out["notCreated"]); !strings.Contains(failed, "rateLimit") {
			t.Errorf("%v", out)
		}
	}
	if len(told.created) != MaxAnHour {
		t.Errorf("%d were made", len(told.created))
	}
}

func TestKeyIsTold(t *testing.T) {
	s, _ := start(t)
	text, err := ijson.Marshal(s.Registry.Capabilities()[VAPID].Session)
	if err != nil || string(text) != `{"applicationServerKey":"BKey"}` {
		t.Errorf("%s, %v", text, err)
	}
}
