package config

import "testing"

func TestSmarthost(t *testing.T) {
	for url, want := range map[string]Smarthost{
		"smtps://smtp.example.net":                   {"smtp.example.net", 465, true, "", ""},
		"smtp://ann%40example.org:s%3Acret@[::1]:25": {"::1", 25, false, "ann@example.org", "s:cret"},
		"smtp://smtp.example.net/":                   {"smtp.example.net", 587, false, "", ""},
	} {
		if got, err := (Outbound{Smarthost: url}).Host(); err != nil || *got != want {
			t.Errorf("%s is read as %+v, %v", url, got, err)
		}
	}
	for _, url := range []string{
		"smtp.example.net", "smtp.example.net:587", "https://example.net", "smtp://", "smtp://ann@example.net", "smtp://example.net:0",
		"smtp://example.net:66000", "smtp://example.net/path", "smtp://example.net?x", ":", "smtp://a b/",
	} {
		if got, err := (Outbound{Smarthost: url}).Host(); err == nil {
			t.Errorf("%s is taken as %+v", url, got)
		}
	}
	if got, err := (Outbound{}).Host(); got != nil || err != nil {
		t.Errorf("none is %+v, %v", got, err)
	}
}
