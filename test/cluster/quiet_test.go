//go:build system

package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

// quiet delivers to an account that nobody else uses by the first node, and says after which time a client knows that waits (IDLE) on the
// third. Accounts that are busy hear of what they have missed with the next thing that happens on their node.
func (h *harness) quiet(ctx context.Context) (notice time.Duration, err error) {
	h.watched++
	accounts, err := h.AddAccounts(ctx, domain, fmt.Sprintf("quiet%d-", h.watched), password, 1)
	if err != nil {
		return 0, err
	}
	client, err := imap.Dial(ctx, h.Nodes[2].Doors["imap"], imap.Options{Username: accounts[0], Password: password})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	if _, err := client.Select("INBOX"); err != nil {
		return 0, err
	}
	if err := client.StartIdle(); err != nil {
		return 0, err
	}
	sender, err := smtp.Dial(ctx, h.Nodes[0].Doors["smtp"], smtp.Options{})
	if err != nil {
		return 0, err
	}
	defer sender.Quit()
	outcome, err := sender.Send(smtp.Mail{From: "load@example.net", To: accounts,
		Content: [3][]byte{[]byte("From: <load@example.net>\r\nSubject: quiet\r\n\r\n"), []byte("hello\r\n"), nil}})
	if err != nil || outcome.Accepted() != 1 {
		return 0, fmt.Errorf("the quiet account was not delivered to: %v, %w", outcome.Replies, err)
	}
	for told := time.Now(); ; {
		r, err := client.Next()
		if err != nil {
			return 0, fmt.Errorf("waiting for news of the quiet account: %w", err)
		}
		if r.Is("EXISTS") && r.Num == 1 {
			return time.Since(told), nil
		}
	}
}
