package notifications_test

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/store/notifications"
)

// What is wrong with rules is named, and not something else.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		about notifications.About
		quiet *notifications.Quiet
		want  string // in the error; "": there is none
	}{
		{notifications.All, nil, ""},
		{notifications.Contacts, &notifications.Quiet{From: 22 * 60, To: 7 * 60, Zone: "Europe/Berlin"}, ""},
		{"some", nil, `not of "some"`},
		{notifications.All, &notifications.Quiet{From: -1, To: 7 * 60, Zone: "Europe/Berlin"}, "such as 22:00"},
		{notifications.All, &notifications.Quiet{From: 22 * 60, To: 24 * 60, Zone: "Europe/Berlin"}, "such as 22:00"},
		{notifications.All, &notifications.Quiet{From: 60, To: 60, Zone: "Europe/Berlin"}, "different times"},
		{notifications.All, &notifications.Quiet{From: 60, To: 120, Zone: "Europe/Berln"}, `"Europe/Berln" is no time zone`},
		{notifications.All, &notifications.Quiet{From: 60, To: 120}, "is no time zone"},
		{notifications.All, &notifications.Quiet{From: 60, To: 120, Zone: "Local"}, "is no time zone"},
	} {
		err := notifications.Rules{About: c.about, Quiet: c.quiet}.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %+v: %v, want %q", c.about, c.quiet, err, c.want)
		}
	}
}
