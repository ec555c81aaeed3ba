//go:build system

package interop

import (
	"strings"
	"sync"
	"testing"
)

// A host that refuses everyone at first: the second try arrives, once, and who waits for another host does not wait for this one.
func testGreylisted(t *testing.T, in *internet) {
	h := newHost(t, in, "greylist.example", "")
	var mu sync.Mutex
	met := map[string]bool{}
	h.behave(manners{rcpt: func(to string) string {
		mu.Lock()
		defer mu.Unlock()
		if !met[to] {
			met[to] = true
			return "451 4.7.1 greylisted, come again"
		}
		return ""
	}})
	in.alpha.submit(t, "ada", []string{"who@greylist.example"}, "to greylist", "Hello.\r\n")
	in.alpha.isDeferred(t, "who@greylist.example", 0)
	in.alpha.retry(t, h.domain)
	arrives(t, h, "who", "to greylist")
}

// An hour of 4xx, at the times of retries that an operator asks for; then it is taken.
func testDeferredForAnHour(t *testing.T, in *internet) {
	h := newHost(t, in, "later.example", "")
	h.behave(manners{greet: func() string { return "421 4.3.2 not now" }})
	in.alpha.submit(t, "ada", []string{"who@later.example"}, "to later", "Hello.\r\n")
	attempts := in.alpha.isDeferred(t, "who@later.example", 0)
	for range 12 {
		in.alpha.retry(t, h.domain)
		attempts = in.alpha.isDeferred(t, "who@later.example", attempts)
		in.alpha.submit(t, "ada", []string{"pat@postfix.example"}, "past the one that is later", "Hello.\r\n")
	}
	await(t, "other mail has gone on", func() bool { return len(with(in.postfix.inbox("pat"), "past the one that is later")) == 12 })
	h.behave(manners{})
	in.alpha.retry(t, h.domain)
	arrives(t, h, "who", "to later")
}

// A host that takes the content and then says nothing: it is not known whether it has it, so it is sent again once the connection ends.
func testHangs(t *testing.T, in *internet) {
	for name, fault := range map[string]dataFault{"hang-after-the-end": takeQuiet, "hang-in-the-content": hang, "reset-in-the-content": reset} {
		in.run(t, name, func(t *testing.T) {
			domain := name + ".example"
			h := newHost(t, in, domain, "")
			reached := make(chan struct{}, 100)
			h.behave(manners{data: func(int) dataFault { reached <- struct{}{}; return fault }})
			in.alpha.submit(t, "ada", []string{"who@" + domain}, "to "+domain, strings.Repeat(strings.Repeat("x", 70)+"\r\n", 30_000))
			<-reached
			in.alpha.submit(t, "ada", []string{"pat@postfix.example"}, "past "+domain, "Hello.\r\n")
			arrives(t, in.postfix, "pat", "past "+domain)
			h.behave(manners{})
			h.closeAll()
			in.alpha.isDeferred(t, "who@"+domain, 0)
			in.alpha.retry(t, domain)
			arrives(t, h, "who", "to "+domain)
		})
	}
}

// A machine that is off: its mail waits, and comes when it is on.
func testUnplugged(t *testing.T, in *internet) {
	// From gamma, which has no connection to it: on one that was kept, a host that is silent is waited for as long as RFC 5321 has it.
	in.beta.unplug(true)
	defer in.beta.unplug(false)
	in.gamma.submit(t, "gil", []string{"bob@beta.example"}, "to beta, which is off", "Hello.\r\n")
	in.gamma.submit(t, "gil", []string{"ada@alpha.example"}, "to alpha meanwhile", "Hello.\r\n")
	arrives(t, in.alpha, "ada", "to alpha meanwhile")
	in.gamma.isDeferred(t, "bob@beta.example", 0)
	in.beta.unplug(false)
	in.gamma.retry(t, in.beta.domain)
	arrives(t, in.beta, "bob", "to beta, which is off")
}

// Two hosts, of which the preferred one is dead, or says that it is not now: the other takes it (RFC 5321 5.1), on
// the one of its addresses that is there (RFC 8305).
func testSecondHost(t *testing.T, in *internet) {
	good, bad := newHost(t, in, "second.example", ""), newHost(t, in, "busy.example", "")
	bad.behave(manners{greet: func() string { return "421 4.3.2 too many" }})
	in.zone("second.example", "mx A "+good.address+"\nmx AAAA 2001:db8::dead\n")
	in.zone("several.example", "@ MX 10 dead\n@ MX 20 mx.busy.example.\n@ MX 30 mx.second.example.\ndead A 192.0.2.250\n")
	in.alpha.submit(t, "ada", []string{"who@several.example"}, "to the second host", "Hello.\r\n")
	arrives(t, good, "who", "to the second host")
}

// Who wants to know within seconds is told within seconds (RFC 2852): that it takes long, or that it is over.
func testDelayed(t *testing.T, in *internet) {
	h := newHost(t, in, "slow.example", "")
	h.behave(manners{rcpt: func(string) string { return "452 4.2.2 the mailbox is full" }})
	in.alpha.submit(t, "ada", []string{"notify@slow.example"}, "notify me", "Hello.\r\n", "MAIL:BY=3;N")
	in.alpha.submit(t, "ada", []string{"return@slow.example"}, "return it", "Hello.\r\n", "MAIL:BY=3;R")
	if m := reported(t, in.alpha, "ada", "notify@slow.example", "delayed"); !strings.Contains(m.text, "Status: 4.2.2") || !strings.Contains(m.text, "Will-Retry-Until:") {
		t.Errorf("the notice:\n%s", m.text)
	}
	if m := reported(t, in.alpha, "ada", "return@slow.example", "failed"); !strings.Contains(m.text, "Status: 5.4.7") { // the host knows no DELIVERBY
		t.Errorf("the report:\n%s", m.text)
	}
	h.behave(manners{})
	in.alpha.retry(t, h.domain)
	arrives(t, h, "notify", "notify me")
	absent(t, h, "return", "return it")
}

// Replies without measure: each ends with a try that failed, and with nothing else.
func testLongReplies(t *testing.T, in *internet) {
	for name, greeting := range map[string]string{"long-line": "220 " + strings.Repeat("x", 1<<20), "many-lines": strings.Repeat("220-x\r\n", 1<<17) + "220 x", "no-smtp": "HTTP/1.1 200 OK"} {
		in.run(t, name, func(t *testing.T) {
			h := newHost(t, in, name+".example", "")
			h.behave(manners{greet: func() string { return greeting }})
			in.alpha.submit(t, "ada", []string{"who@" + h.domain}, "to "+name, "Hello.\r\n")
			in.alpha.isDeferred(t, "who@"+h.domain, 0)
		})
	}
}
