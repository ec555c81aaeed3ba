package webserver

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// newServer is a server with the domains example.org and bücher.example, and one that is switched off.
func newServer(t testing.TB, change func(*Options)) *Server {
	t.Helper()
	x, err := tx.New(t.Context(), tx.Options{DB: dbtest.OnSQLite(t, schema.Files)()})
	if err != nil {
		t.Fatal(err)
	}
	d := directory.New(directory.Options{})
	err = x.Write(t.Context(), nil, func(t *tx.Tx) error {
		for _, name := range []string{"example.org", "bücher.example", "off.example"} {
			if _, err := d.AddDomain(t, name); err != nil {
				return err
			}
		}
		return d.SetDomainDisabled(t, "off.example", true)
	})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Hostname: "mail.example.org", HTTPSPort: 443, Tx: x, Directory: d,
		Services: []Service{{"imap", 993, true}, {"imap", 143, false}, {"pop3", 995, true}, {"smtp", 465, true}, {"smtp", 587, false}},
		STS:      mtasts.Policy{Mode: mtasts.Enforce, Hosts: []string{"mail.example.org"}, MaxAge: 7 * 24 * time.Hour},
		Trusted:  func(host string) bool { return host == "autoconfig.example.org" },
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(h http.Handler, method, url, body string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, url, strings.NewReader(body)))
	return w.Result()
}

func text(t testing.TB, answer *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSecure(t *testing.T) {
	h := newServer(t, nil).Secure()
	for _, tt := range []struct {
		url    string
		status int
		want   string
	}{
		{"https://mta-sts.example.org/.well-known/mta-sts.txt", 200, "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 604800\r\n"},
		{"https://MTA-STS.Example.ORG:443/.well-known/mta-sts.txt", 200, "mode: enforce"},
		{"https://mta-sts.xn--bcher-kva.example/.well-known/mta-sts.txt", 200, "mode: enforce"},
		{"https://mta-sts.example.com/.well-known/mta-sts.txt", 404, "not a domain of this server"},
		{"https://mta-sts.off.example/.well-known/mta-sts.txt", 404, "not a domain of this server"},
		{"https://mta-sts.-/.well-known/mta-sts.txt", 404, ""},
		{"https://mail.example.org/.well-known/mta-sts.txt", 404, ""},
		{"https://autoconfig.example.org/mail/config-v1.1.xml", 200, "<domain>example.org</domain>"},
		{"https://example.org/.well-known/autoconfig/mail/config-v1.1.xml", 200, "<domain>example.org</domain>"},
		{"https://mail.example.org/mail/config-v1.1.xml?emailaddress=ann%40B%C3%BCcher.example", 200, "<domain>xn--bcher-kva.example</domain>"},
		{"https://autoconfig.example.com/mail/config-v1.1.xml", 404, "not a domain of this server"},
		{"https://mail.example.org/mail/config-v1.1.xml?emailaddress=ann@example.com", 404, "not a domain of this server"},
		{"https://mail.example.org/mail/config-v1.1.xml?emailaddress=ann", 400, `"ann" is no address`},
		{"https://mail.example.org/mail/config-v1.1.xml?emailaddress=" + strings.Repeat("a", 10000), 400, "is no address"},
		{"https://mail.example.org/mobileconfig?address=", 400, "is no address"},
		{"https://mail.example.org/mobileconfig?address=ann@example.com", 404, "not a domain of this server"},
		{"https://mail.example.org/about", 200, "IMAP  mail.example.org port 993, TLS"},
		{"https://mail.example.org/about", 200, "JMAP  https://mail.example.org/.well-known/jmap\n"},
		{"https://mail.example.org/autodiscover/autodiscover.xml", 405, ""},
		{"https://mail.example.org/nothing", 404, ""},
		{"https://mail.example.org/.well-known/acme-challenge/x", 404, ""},
	} {
		answer := ask(h, "GET", tt.url, "")
		if got := text(t, answer); answer.StatusCode != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%.100s: %s, %q", tt.url, answer.Status, got)
		}
		if kind := answer.Header.Get("Content-Type"); strings.HasSuffix(tt.url, ".txt") && kind != "text/plain; charset=utf-8" {
			t.Errorf("%.100s: it is %s", tt.url, kind)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%.100s: a browser may guess what it is", tt.url)
		}
	}
}

// Thunderbird takes the first server that it can use: TLS from the start is there before STARTTLS.
func TestAutoconfig(t *testing.T) {
	answer := ask(newServer(t, nil).Secure(), "GET", "https://autoconfig.example.org/mail/config-v1.1.xml?emailaddress=ann@example.org", "")
	var c clientConfig
	if err := xml.Unmarshal([]byte(text(t, answer)), &c); err != nil {
		t.Fatal(err)
	}
	if answer.Header.Get("Content-Type") != "text/xml; charset=utf-8" || c.Version != "1.1" || len(c.Provider.Incoming) != 3 || len(c.Provider.Outgoing) != 2 {
		t.Errorf("told %+v", c)
	}
	if want := (mailServer{"imap", "mail.example.org", 993, "SSL", "%EMAILADDRESS%", "password-cleartext"}); c.Provider.Incoming[0] != want {
		t.Errorf("first is %+v", c.Provider.Incoming[0])
	}
	if want := (mailServer{"smtp", "mail.example.org", 587, "STARTTLS", "%EMAILADDRESS%", "password-cleartext"}); c.Provider.Outgoing[1] != want {
		t.Errorf("last is %+v", c.Provider.Outgoing[1])
	}
}

func outlook(address, schema string) string {
	return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>` + address + `</EMailAddress><AcceptableResponseSchema>` + schema + `</AcceptableResponseSchema></Request></Autodiscover>`
}

func TestAutodiscover(t *testing.T) {
	h := newServer(t, nil).Secure()
	for _, url := range []string{"https://autodiscover.example.org/autodiscover/autodiscover.xml", "https://mail.example.org/Autodiscover/Autodiscover.xml"} {
		answer := text(t, ask(h, "POST", url, outlook("Ann@example.org", outlookSchema)))
		var got struct {
			Response struct {
				XMLName xml.Name
				Account outlookAccount
			} `xml:"Response"`
		}
		if err := xml.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatal(err)
		}
		p := got.Response.Account.Protocols
		if got.Response.XMLName.Space != outlookSchema || got.Response.Account.Action != "settings" || len(p) != 5 || p[0] != (outlookProtocol{
			Type: "IMAP", Server: "mail.example.org", Port: 993, Domain: "off", Login: "Ann@example.org", SPA: "off", SSL: "on", Encryption: "SSL", Auth: "on"}) || p[4].Encryption != "TLS" {
			t.Errorf("%s: %s", url, answer)
		}
	}
	for body, want := range map[string]string{
		outlook("ann@example.com", outlookSchema):                                                             "<ErrorCode>500</ErrorCode>",
		outlook("ann@example.org", "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/resp/2006"): "<ErrorCode>601</ErrorCode>",
	} {
		answer := text(t, ask(h, "POST", "https://mail.example.org/autodiscover/autodiscover.xml", body))
		if !strings.Contains(answer, want) || !strings.Contains(answer, `xmlns="`+autodiscoverSchema+`"`) || strings.Contains(answer, "outlook/responseschema") {
			t.Errorf("%s was answered %s", body, answer)
		}
	}
}

// What strangers write as XML reads no file, asks no host, takes no memory, and is told what is wrong.
func TestHostileXML(t *testing.T) {
	h := newServer(t, nil).Secure()
	bomb := `<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("x", 1000) + `">]>` + outlook(strings.Repeat("&b;", 100), "")
	for name, tt := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"external entity":    {`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + outlook("&x;", ""), 400, "no document type"},
		"billion laughs":     {bomb, 400, "no document type"},
		"unknown entity":     {outlook("&x;", ""), 400, "not XML"},
		"deep":               {strings.Repeat("<a>", 10000), 400, "at most 20 deep"},
		"large":              {outlook(strings.Repeat(" ", maxBody), ""), 413, "at most 65536 bytes"},
		"not ended":          {"<Autodiscover><Request>", 400, "not XML"},
		"nothing":            {"", 400, "names no EMailAddress"},
		"no address":         {outlook("", ""), 400, "names no EMailAddress"},
		"another place":      {"<EMailAddress>ann@example.org</EMailAddress>", 400, "names no EMailAddress"},
		"another encoding":   {strings.Replace(outlook("a@example.org", ""), "utf-8", "utf-16", 1), 400, "cannot be read"},
		"not text":           {outlook("\xff\xfe@example.org", ""), 400, "not XML"},
		"no XML":             {"EMailAddress=ann@example.org", 400, "names no EMailAddress"},
		"address with a tag": {outlook("&lt;script&gt;@example.org", ""), 400, "no address"},
	} {
		answer := ask(h, "POST", "https://mail.example.org/autodiscover/autodiscover.xml", tt.body)
		got := text(t, answer)
		if answer.StatusCode != tt.status || !strings.Contains(got, tt.want) || strings.Contains(got, "root:") || len(got) > 1000 {
			t.Errorf("%s: %s, %.300q", name, answer.Status, got)
		}
	}
}

func TestMobileconfig(t *testing.T) {
	s := newServer(t, nil)
	get := func(address string) string {
		answer := ask(s.Secure(), "GET", "https://mail.example.org/mobileconfig?address="+address, "")
		if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/x-apple-aspen-config") {
			t.Errorf("it is %s (%s)", kind, answer.Status)
		}
		return text(t, answer)
	}
	got := get("ann%26co@example.org")
	if !strings.Contains(got, "<string>ann&amp;co@example.org</string>") {
		t.Errorf("not escaped: %s", got)
	}
	got = get("ann@example.org")
	for _, want := range []string{"<key>EmailAccountType</key><string>EmailTypeIMAP</string>", "<key>IncomingMailServerPortNumber</key><integer>993</integer>",
		"<key>OutgoingMailServerPortNumber</key><integer>465</integer>", "<key>IncomingMailServerUsername</key><string>ann@example.org</string>", "<true/>"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %s", want)
		}
	}
	if err := xml.Unmarshal([]byte(got), new(struct{})); err != nil {
		t.Error(err)
	}
	if again := get("ann@example.org"); again != got {
		t.Error("asked again, it is another profile")
	}
	if other := get("bob@example.org"); strings.Contains(other, uuid("account ann@example.org")) {
		t.Error("two addresses have one profile")
	}
	none := newServer(t, func(o *Options) { o.Services = []Service{{"smtp", 465, true}} })
	if answer := ask(none.Secure(), "GET", "https://mail.example.org/mobileconfig?address=ann@example.org", ""); answer.StatusCode != 404 {
		t.Errorf("without IMAP and POP3: %s", answer.Status)
	}
}

func TestPlain(t *testing.T) {
	challenge := func(w http.ResponseWriter, r *http.Request) bool {
		ours := r.URL.Path == "/.well-known/acme-challenge/token"
		if ours {
			fmt.Fprint(w, "token.thumbprint")
		}
		return ours
	}
	h := newServer(t, func(o *Options) { o.Challenge = challenge }).Plain()
	for _, tt := range []struct {
		method, url string
		status      int
		want        string // the target, or in the text
	}{
		{"GET", "http://mail.example.org/.well-known/acme-challenge/token", 200, "token.thumbprint"},
		{"GET", "http://mail.example.org/.well-known/acme-challenge/other", 308, "https://mail.example.org/.well-known/acme-challenge/other"},
		{"GET", "http://mail.example.org:80/a?b=c", 308, "https://mail.example.org/a?b=c"},
		{"GET", "http://example.org/", 308, "https://example.org/"},
		{"GET", "http://mta-sts.example.org/.well-known/mta-sts.txt", 308, "https://mta-sts.example.org/.well-known/mta-sts.txt"},
		{"POST", "http://autodiscover.example.org/autodiscover/autodiscover.xml", 308, "https://autodiscover.example.org/autodiscover/autodiscover.xml"},
		{"GET", "http://evil.example/x", 308, "https://mail.example.org/x"},
		{"GET", "http://192.0.2.1/x", 308, "https://mail.example.org/x"},
		{"GET", "http://autoconfig.example.org/mail/config-v1.1.xml", 308, "https://autoconfig.example.org/mail/config-v1.1.xml"},
		{"GET", "http://autoconfig.xn--bcher-kva.example/mail/config-v1.1.xml", 200, "<socketType>SSL</socketType>"},
		{"GET", "http://example.org/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=a@example.org", 200, "<socketType>SSL</socketType>"},
	} {
		answer := ask(h, tt.method, tt.url, "")
		got := text(t, answer)
		if answer.StatusCode == 308 {
			got = answer.Header.Get("Location")
		}
		if answer.StatusCode != tt.status || got != tt.want && (answer.StatusCode != 200 || !strings.Contains(got, tt.want)) {
			t.Errorf("%s %s: %s, %q", tt.method, tt.url, answer.Status, got)
		}
	}
	other := newServer(t, func(o *Options) { o.HTTPSPort = 8443 })
	if got := ask(other.Plain(), "GET", "http://example.org/", "").Header.Get("Location"); got != "https://example.org:8443/" {
		t.Errorf("another port: %s", got)
	}
	if got := text(t, ask(other.Secure(), "GET", "https://mail.example.org:8443/about", "")); !strings.Contains(got, "https://mail.example.org:8443/mobileconfig?") {
		t.Errorf("the page at another port says %s", got)
	}
	alone := newServer(t, func(o *Options) { o.HTTPSPort = 0 }).Plain()
	for url, want := range map[string]int{"http://example.org/": 404, "http://autoconfig.example.org/mail/config-v1.1.xml": 200} {
		if answer := ask(alone, "GET", url, ""); answer.StatusCode != want {
			t.Errorf("without HTTPS %s: %s", url, answer.Status)
		}
	}
}

// The demo is opened in a browser of its machine without a warning. Nobody else comes by HTTP, and no name of a stranger's leads there.
func TestThisMachine(t *testing.T) {
	for _, tt := range []struct {
		demo         bool
		remote, host string
		open         bool
	}{
		{true, "127.0.0.1:5", "localhost:1080", true}, {true, "127.0.0.1:5", "127.0.0.1:1080", true}, {true, "[::1]:5", "[::1]:1080", true}, {true, "[::ffff:127.0.0.1]:5", "localhost", true},
		{false, "127.0.0.1:5", "localhost:1080", false}, {true, "192.0.2.1:5", "localhost:1080", false}, {true, "127.0.0.1:5", "evil.example:1080", false},
		{true, "127.0.0.1:5", "localhost.evil.example", false}, {true, "127.0.0.1:5", "192.0.2.1", false}, {true, "@", "localhost", false}, {true, "127.0.0.1:5", "mail.example.org", false},
	} {
		h := newServer(t, func(o *Options) { o.ThisMachine = tt.demo }).Plain()
		r := httptest.NewRequest("GET", "/about", nil)
		r.RemoteAddr, r.Host = tt.remote, tt.host
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); (w.Code == http.StatusOK) != tt.open {
			t.Errorf("%+v: %d", tt, w.Code)
		}
	}
}

// A door answers, turns away what is too much, and ends when it is told to.
func TestServe(t *testing.T) {
	s := newServer(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Limit(l, "https", slog.New(slog.DiscardHandler)), s.Secure(), "https", slog.New(slog.DiscardHandler))
	}()
	url := "http://" + l.Addr().String() + "/about"
	answer, err := http.Get(url)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	// net/http reads a little more than it is told to.
	fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", bytes.Repeat([]byte("x"), 2*maxHead))
	reply := make([]byte, 100)
	if n, _ := nc.Read(reply); !strings.Contains(string(reply[:n]), "431") {
		t.Errorf("a large head: %q", reply)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func FuzzAutodiscover(f *testing.F) {
	f.Add(outlook("ann@example.org", outlookSchema))
	f.Add("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>")
	f.Add("<a><b></a></b>")
	f.Fuzz(func(t *testing.T, body string) {
		asked, err := readAutodiscover(strings.NewReader(body))
		if err == nil && asked.address == "" || len(asked.address)+len(asked.schema) > len(body) {
			t.Errorf("read %+v, %v", asked, err)
		}
	})
}
