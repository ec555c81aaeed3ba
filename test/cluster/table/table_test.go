package table

import (
	"strings"
	"testing"
	"time"
)

var green = Row{Fault: "kill", Struck: 1, Acknowledged: Enough, Unknown: 3, Pause: time.Second,
	Limits: Limits{Pause: 2 * time.Second, Reconnect: 2 * time.Second, Notice: 15 * time.Second}}

func TestComplaints(t *testing.T) {
	if why := green.Complaints(); len(why) > 0 {
		t.Errorf("a green row is red: %v", why)
	}
	for says, change := range map[string]func(*Row){
		"1 acknowledged messages are lost":     func(r *Row) { r.Lost = 1 },
		"1 messages are there more than once":  func(r *Row) { r.Doubled = 1 },
		"struck nothing":                       func(r *Row) { r.Struck = 0 },
		"1999 operations were acknowledged":    func(r *Row) { r.Acknowledged-- },
		"without success for 3s":               func(r *Row) { r.Pause = 3 * time.Second },
		"without a connection for 3s":          func(r *Row) { r.Reconnect = 3 * time.Second },
		"without news for 16s":                 func(r *Row) { r.Notice = 16 * time.Second },
		"u0@example.org: UID 7 was given away": func(r *Row) { r.Wrong = []string{"u0@example.org: UID 7 was given away"} },
	} {
		r := green
		change(&r)
		if why := r.Complaints(); len(why) != 1 || !strings.Contains(why[0], says) || r.Green() {
			t.Errorf("want %q, the complaints are %q", says, why)
		}
		if printed := String([]Row{green, r}); !strings.Contains(printed, "RED") || !strings.Contains(printed, says) {
			t.Errorf("the table does not say %q:\n%s", says, printed)
		}
	}
}

func TestString(t *testing.T) {
	want := `
| fault | struck | acknowledged | unknown | lost | doubled | wrong | longest pause | reconnect | notice |       |
| ----- | -----: | -----------: | ------: | ---: | ------: | ----: | ------------: | --------: | -----: | ----- |
| kill  |      1 |         2000 |       3 |    0 |       0 |     0 |         1.0 s |     0.0 s |  0.0 s | green |
`
	if got := String([]Row{green}); got != want[1:] {
		t.Errorf("the table is\n%s", got)
	}
}
