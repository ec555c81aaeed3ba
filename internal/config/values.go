package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types of values. Numbers check themselves when they are read; texts are checked by Config.check, because the TOML
// library sets a text without asking its type.
type (
	Endpoint  string
	Endpoints []Endpoint
	Networks  []string
	Size      int64
	Duration  time.Duration
	Level     string
	Format    string
)

var (
	_ encoding.TextUnmarshaler = (*Size)(nil)
	_ encoding.TextUnmarshaler = (*Duration)(nil)
)

func (e Endpoint) check() error {
	host, port, err := net.SplitHostPort(string(e))
	if err != nil {
		return fmt.Errorf("%q is not host:port", string(e))
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q is not a port number", port)
	}
	if strings.ContainsAny(host, " /") {
		return fmt.Errorf("%q is not a host", host)
	}
	return nil
}

// sizeUnits in the order they are tried: the longer suffix first.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(string(text), unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > 1<<50/unit.bytes {
			break
		}
		*s = Size(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is not a size", text)
}

func (s Size) String() string {
	for _, unit := range []int{2, 1, 0} {
		if u := sizeUnits[unit]; int64(s) >= u.bytes && int64(s)%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.bytes, u.suffix)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

func (d *Duration) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q is not a number of days", text)
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration", text)
	}
	*d = Duration(v)
	return nil
}

func (d Duration) String() string {
	if day := Duration(24 * time.Hour); d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return time.Duration(d).String()
}

// Private are the private networks as prefixes.
func (o Outbound) Private() ([]netip.Prefix, error) { return o.PrivateNetworks.prefixes() }

// Balancers are the networks of load balancers as prefixes.
func (l Listen) Balancers() ([]netip.Prefix, error) { return l.Proxies.prefixes() }

func (n Networks) prefixes() (list []netip.Prefix, err error) {
	for _, text := range n {
		p, err := netip.ParsePrefix(text)
		if err != nil || p != p.Masked() {
			return nil, fmt.Errorf("%q is not a network", text)
		}
		list = append(list, p)
	}
	return list, nil
}

// Slog is the level in log/slog's terms.
func (l Level) Slog() slog.Level {
	var out slog.Level
	if err := out.UnmarshalText([]byte(l)); err != nil {
		return slog.LevelInfo
	}
	return out
}

// Strings lists the endpoints as a listener takes them.
func (e Endpoints) Strings() []string {
	out := make([]string, len(e))
	for i := range e {
		out[i] = string(e[i])
	}
	return out
}

// fault is what check finds: which key is wrong, and how.
type fault struct {
	key string
	err error
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9.-]{0,100}$`)

// check holds what no single value shows: ranges, and values that must come together.
func (c *Config) check() []fault {
	var faults []fault
	add := func(key, text string) { faults = append(faults, fault{key, errors.New(text)}) }
	if c.Hostname == "" || strings.ContainsAny(c.Hostname, " \t\r\n/:@") || len(c.Hostname) > 253 {
		add("hostname", fmt.Sprintf("%q is not a host name", c.Hostname))
	} else if _, err := netip.ParseAddr(c.Hostname); err == nil {
		add("hostname", c.Hostname+" is an address, not a name")
	}
	if c.Data == "" {
		add("data", "is empty")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		add("database", "is not a postgres:// URL")
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		add("tls.key", "tls.certificate and tls.key are set together or not at all")
	}
	c.checkACME(add)
	if c.Limits.MessageSize < 64<<10 || c.Limits.MessageSize > 1<<30 {
		add("limits.message_size", fmt.Sprintf("%v is out of range", c.Limits.MessageSize))
	}
	if store, err := c.Bodies.S3(); err != nil {
		add("bodies.store", err.Error())
	} else if store != nil && c.Database == "" {
		add("bodies.store", "database is not set: a server with a data folder keeps its bodies there")
	}
	if c.Bodies.Small > 1<<20 {
		add("bodies.small", fmt.Sprintf("%v is out of range", c.Bodies.Small))
	}
	if c.Bodies.Keep < Duration(time.Hour) {
		add("bodies.keep", fmt.Sprintf("%v is too short", c.Bodies.Keep))
	}
	if _, err := c.Outbound.Host(); err != nil {
		add("outbound.smarthost", err.Error())
	}
	if _, err := c.Outbound.Private(); err != nil {
		add("outbound.private_networks", err.Error())
	}
	if _, err := c.Listen.Balancers(); err != nil {
		add("listen.proxies", err.Error())
	}
	for _, k := range keys() {
		endpoints, _ := k.field(c).Interface().(Endpoints)
		for _, e := range endpoints {
			if err := e.check(); err != nil {
				faults = append(faults, fault{k.name, err})
			}
		}
	}
	if len(c.Listen.Cluster) > 1 {
		add("listen.cluster", "names more than one place")
	}
	if !nodeName.MatchString(c.Cluster.Name) {
		add("cluster.name", fmt.Sprintf("%q is not a name", c.Cluster.Name))
	}
	if err := Endpoint(c.Cluster.Address).check(); c.Cluster.Address != "" && err != nil {
		add("cluster.address", err.Error())
	}
	if !slices.Contains([]Level{"debug", "info", "warn", "error"}, c.Log.Level) {
		add("log.level", fmt.Sprintf("%q is not a level", c.Log.Level))
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		add("log.format", fmt.Sprintf("%q is not a format", c.Log.Format))
	}
	return faults
}

func (c *Config) checkACME(add func(key, text string)) {
	a := c.ACME
	if (a.DNSServer == "") != (a.DNSKey == "") {
		add("acme.dns_key", "acme.dns_server and acme.dns_key are set together or not at all")
	}
	if err := Endpoint(a.DNSServer).check(); a.DNSServer != "" && err != nil {
		add("acme.dns_server", err.Error())
	}
	if a.Directory == "" {
		return
	}
	u, err := url.Parse(a.Directory)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "":
		add("acme.directory", fmt.Sprintf("%q is not an https:// URL", a.Directory))
	case c.TLS.Certificate != "":
		add("acme.directory", "tls.certificate is set, too: bring certificates or have them ordered")
	case !strings.Contains(c.Hostname, "."):
		add("acme.directory", fmt.Sprintf("no authority certifies the hostname %q: set hostname to a full one", c.Hostname))
	case len(c.Listen.HTTP) == 0 && a.DNSServer == "":
		add("acme.directory", "the authority has no way to its proof: set listen.http or acme.dns_server")
	}
}
