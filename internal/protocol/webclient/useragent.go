package webclient

import (
	"strings"
)

// browsers and systems are told by what stands in their User-Agent. Each browser also claims to be those that were there before it, so
// that the newest come first.
var (
	browsers = []struct{ mark, name string }{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systems = []struct{ mark, name string }{
		{"iPhone", "an iPhone"}, {"iPad", "an iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Mac OS X", "a Mac"}, {"Linux", "Linux"},
	}
)

// browserName says what a browser is, for its user to know it again: "Firefox on Linux". It is what the browser claims.
func browserName(userAgent string) string {
	name, system := "A browser", ""
	for _, b := range browsers {
		if strings.Contains(userAgent, b.mark) {
			name = b.name
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(userAgent, s.mark) {
			system = " on " + s.name
			break
		}
	}
	return name + system
}
