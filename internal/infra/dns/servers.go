package dns

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	defaultConf     = "/etc/resolv.conf"
	maxServers      = 3 // resolv.conf(5), MAXNS
	defaultTimeout  = 5 * time.Second
	defaultAttempts = 2
	rereadAfter     = 5 * time.Second  // whether resolv.conf has changed is looked at this often
	avoidFor        = 30 * time.Second // a server that was silent is asked last for so long
)

// server is a recursive resolver.
type server struct {
	addr    netip.AddrPort
	trusted bool // its AD bit is believed
}

// plan says whom to ask, and for how long.
type plan struct {
	servers  []server
	timeout  time.Duration
	attempts int
}

// servers knows the plan, from the Options or from resolv.conf, and who has been silent lately.
type servers struct {
	conf    string // "": the plan is fixed
	options Options
	now     func() time.Time

	mu      sync.Mutex
	plan    plan
	looked  time.Time
	changed time.Time // the modification time of what was read
	silent  map[netip.AddrPort]time.Time
}

func newServers(o Options) *servers {
	s := &servers{options: o, now: o.Now, silent: map[netip.AddrPort]time.Time{}}
	if o.Servers == nil {
		s.conf = o.ResolvConf
		if s.conf == "" {
			s.conf = defaultConf
		}
		return s
	}
	for _, addr := range o.Servers {
		s.plan.servers = append(s.plan.servers, server{addr, o.TrustAD || addr.Addr().IsLoopback()})
	}
	s.plan = s.plan.with(o)
	return s
}

// with fills in what the options say, and the defaults.
func (p plan) with(o Options) plan {
	for _, timeout := range []time.Duration{p.timeout, o.Timeout} {
		if timeout > 0 {
			p.timeout = timeout
		}
	}
	if p.timeout == 0 {
		p.timeout = defaultTimeout
	}
	if o.Attempts > 0 {
		p.attempts = o.Attempts
	}
	if p.attempts == 0 {
		p.attempts = defaultAttempts
	}
	p.servers = p.servers[:min(len(p.servers), maxServers)]
	return p
}

// current returns the plan, those servers last that were silent lately.
func (s *servers) current() plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.conf != "" && (s.plan.servers == nil || now.Sub(s.looked) >= rereadAfter) {
		s.looked = now
		s.reread()
	}
	p := s.plan
	p.servers = slices.Clone(p.servers)
	slices.SortStableFunc(p.servers, func(a, b server) int {
		return s.avoid(a, now) - s.avoid(b, now)
	})
	return p
}

func (s *servers) avoid(v server, now time.Time) (last int) {
	if at, ok := s.silent[v.addr]; ok && now.Sub(at) < avoidFor {
		return 1
	}
	return 0
}

// heard notes whether a server has answered.
func (s *servers) heard(v server, answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answered {
		delete(s.silent, v.addr)
	} else {
		s.silent[v.addr] = s.now()
	}
}

// reread takes the plan of resolv.conf when that has changed. A file that cannot be read changes nothing, and means
// what an empty one does when there was none before: a resolver on this machine (resolv.conf(5)).
func (s *servers) reread() {
	file, err := os.Open(s.conf)
	if err == nil {
		defer file.Close()
		info, statErr := file.Stat()
		if statErr != nil || info.ModTime().Equal(s.changed) {
			return
		}
		s.changed = info.ModTime()
		s.plan = parseConf(file, s.options.TrustAD).with(s.options)
		clear(s.silent)
	}
	if len(s.plan.servers) == 0 {
		s.plan = parseConf(strings.NewReader("nameserver 127.0.0.1\nnameserver ::1\n"), false).with(s.options)
	}
}

// parseConf reads resolv.conf(5). Names are absolute here, so search and ndots mean nothing.
func parseConf(text io.Reader, trustAD bool) (p plan) {
	for lines := bufio.NewScanner(io.LimitReader(text, 64<<10)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(fields[1]); err == nil {
				p.servers = append(p.servers, server{addr: netip.AddrPortFrom(addr, 53)})
			}
		case "options":
			for _, option := range fields[1:] {
				name, value, _ := strings.Cut(option, ":")
				n, _ := strconv.Atoi(value)
				switch name {
				case "trust-ad":
					trustAD = true
				case "timeout":
					p.timeout = time.Duration(min(max(n, 1), 30)) * time.Second
				case "attempts":
					p.attempts = min(max(n, 1), 5)
				}
			}
		}
	}
	for i := range p.servers {
		p.servers[i].trusted = trustAD || p.servers[i].addr.Addr().IsLoopback()
	}
	return p
}
