package smtpserver

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/dialogues"
)

// The dialogues run against the fake Inbound, whose recipients behave by their local part (fake_test.go).
func TestDialogues(t *testing.T) {
	dialogues.RunAll(t, "../../../test/dialogues/smtp/*.dialogue", func(t *testing.T) dialogues.Options {
		return play(t, Options{Mode: MX, TLS: serverTLS(), Limits: dialogueLimits})
	})
}

func TestDialoguesLMTP(t *testing.T) {
	dialogues.RunAll(t, "../../../test/dialogues/lmtp/*.dialogue", func(t *testing.T) dialogues.Options {
		return play(t, Options{Mode: LMTP, TLS: serverTLS(), Limits: dialogueLimits})
	})
}

var dialogueLimits = Limits{MessageSize: 100_000, Recipients: 100, Errors: 10, Commands: 30, CommandRate: 1_000_000}

func play(t *testing.T, o Options) dialogues.Options {
	f := start(t, o)
	return dialogues.Options{
		Dial: func(_ context.Context, protocol string) (net.Conn, error) { return f.Dial(protocol) },
		Do: map[string]func([]string) error{
			"kept":    f.checkKept,
			"content": f.checkContent,
			"protocol": func(words []string) error {
				kept := f.kept()
				last := kept[len(kept)-1]
				if got := last.session.Protocol(last.SMTPUTF8); got != words[0] {
					return fmt.Errorf("the last message came with %s", got)
				}
				return nil
			},
		},
		Timeout: 5 * time.Second,
	}
}

// checkKept: do kept N
func (f *fixture) checkKept(words []string) error {
	if got := len(f.kept()); strconv.Itoa(got) != words[0] {
		return fmt.Errorf("%d messages are kept", got)
	}
	return nil
}

// checkContent: do content TEXT, the last message's content with Go's escapes; \x20 is a space.
func (f *fixture) checkContent(words []string) error {
	kept := f.kept()
	want, err := strconv.Unquote(`"` + words[0] + `"`)
	if err != nil || len(kept) == 0 {
		return fmt.Errorf("%d messages, bad text: %v", len(kept), err)
	}
	if got := kept[len(kept)-1].content; got != want {
		return fmt.Errorf("the content is %.300q", got)
	}
	return nil
}
