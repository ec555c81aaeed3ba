package smtp

import (
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

var (
	noon       = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	everything = Extensions{Auth: true, FutureRelease: 30 * 24 * time.Hour, DeliverBy: true, Priority: true, RequireTLS: true, Now: noon}
)

func TestParseExtensions(t *testing.T) {
	for parameters, want := range map[string]mail.Envelope{
		"":                                      {},
		"AUTH=<>":                               {},
		"auth=ann+2Bx@example.org":              {},
		"HOLDFOR=60":                            {HoldUntil: noon.Add(time.Minute)},
		"HOLDFOR=2592000":                       {HoldUntil: noon.Add(30 * 24 * time.Hour)},
		"HOLDUNTIL=2026-11-22T13:00:00Z":        {HoldUntil: noon.Add(time.Hour)},
		"holduntil=2026-11-22t15:00:00.5+02:00": {HoldUntil: noon.Add(time.Hour + time.Second/2)},
		"HOLDUNTIL=2020-01-01T00:00:00Z":        {HoldUntil: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		"BY=120;R":                              {DeliverBy: mail.DeliverBy{Time: noon.Add(2 * time.Minute), Return: true}},
		"BY=-30;nt":                             {DeliverBy: mail.DeliverBy{Time: noon.Add(-30 * time.Second), Trace: true}},
		"BY=+999999999;RT":                      {DeliverBy: mail.DeliverBy{Time: noon.Add(999999999 * time.Second), Return: true, Trace: true}},
		"HOLDFOR=60 BY=60;R":                    {HoldUntil: noon.Add(time.Minute), DeliverBy: mail.DeliverBy{Time: noon.Add(time.Minute), Return: true}},
		"BY=1;N HOLDFOR=60":                     {HoldUntil: noon.Add(time.Minute), DeliverBy: mail.DeliverBy{Time: noon.Add(time.Second)}},
		"MT-PRIORITY=-9":                        {Priority: -9},
		"mt-priority=9 REQUIRETLS":              {Priority: 9, RequireTLS: true},
	} {
		got, err := ParseMail("FROM:<> "+parameters, everything)
		if err != nil || !got.HoldUntil.Equal(want.HoldUntil) || got.DeliverBy != want.DeliverBy || got.Priority != want.Priority || got.RequireTLS != want.RequireTLS {
			t.Errorf("%s\n gives %+v, %v\n want %+v", parameters, got, err, want)
		}
		for word := range strings.FieldsSeq(parameters) {
			if _, err := ParseMail("FROM:<> "+word, Extensions{Now: noon}); err == nil || !strings.HasPrefix(err.Error(), "555 5.5.4") {
				t.Errorf("%s, which is not offered, gives %v", word, err)
			}
		}
	}
}

func TestExtensionsRefused(t *testing.T) {
	for parameters, want := range map[string]string{
		"AUTH":                           "501 5.5.4 AUTH: it wants an address as xtext, or <>",
		"AUTH=ann":                       "501 5.5.4",
		"AUTH=ann@x+0A":                  "501 5.5.4",
		"HOLDFOR=0":                      "501 5.5.4",
		"HOLDFOR=-5":                     "501 5.5.4",
		"HOLDFOR=2592001":                "501 5.5.4 HOLDFOR: mail is held for 2592000 seconds at most",
		"HOLDFOR=0000000001":             "501 5.5.4",
		"HOLDFOR=1 HOLDFOR=1":            "501 5.5.4 HOLDFOR: it is given twice",
		"HOLDUNTIL=tomorrow":             "501 5.5.4 HOLDUNTIL: it wants a time like 2026-12-24T18:00:00Z",
		"HOLDUNTIL=2026-11-22":           "501 5.5.4",
		"HOLDUNTIL=2027-11-22T13:00:00Z": "501 5.5.4",
		"HOLDUNTIL=2026-11-22T13:00:00Z HOLDFOR=1": "501 5.5.4 HOLDFOR: HOLDFOR and HOLDUNTIL exclude each other",
		"BY=0;R":             "501 5.5.4",
		"BY=-1;RT":           "501 5.5.4",
		"BY=1":               "501 5.5.4",
		"BY=1;X":             "501 5.5.4",
		"BY=1;TN":            "501 5.5.4",
		"BY=1234567890;N":    "501 5.5.4",
		"BY=--1;N":           "501 5.5.4",
		"BY=;N":              "501 5.5.4",
		"HOLDFOR=61 BY=60;R": "501 5.5.4 BY: ",
		"BY=60;R HOLDFOR=61": "501 5.5.4 BY: ",
		"MT-PRIORITY=10":     "501 5.5.2",
		"MT-PRIORITY=+1":     "501 5.5.2",
		"MT-PRIORITY=01x":    "501 5.5.2",
		"MT-PRIORITY":        "501 5.5.2",
		"REQUIRETLS=YES":     "501 5.5.4 REQUIRETLS: it takes no value",
	} {
		if _, err := ParseMail("FROM:<> "+parameters, everything); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s gives %v, want %s", parameters, err, want)
		}
	}
}
