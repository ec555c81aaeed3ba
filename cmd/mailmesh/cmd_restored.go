package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mailmesh/mailmesh/internal/node"
)

// restored is what an operator says after putting back a backup of the database, before the server starts again.
type restored struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

func (r restored) Run(ctx context.Context, c *commands) error {
	cfg, err := c.existing()
	if err != nil {
		return err
	}
	done, err := node.Restored(ctx, cfg, logger(cfg.Log))
	if err != nil {
		return stopFirst(err)
	}
	if r.JSON {
		return json.NewEncoder(os.Stdout).Encode(done)
	}
	fmt.Printf("ready to serve: %d accounts with %d mailboxes have new numbers, ids go on at %d\n", done.Accounts, done.Mailboxes, done.NextID)
	if done.Moved > 0 {
		fmt.Printf("%d bodies were found where they have been moved since the backup\n", done.Moved)
	}
	if done.Unknown > 0 {
		fmt.Printf("%d bodies are of mail that the backup does not know: it cannot be read, and its bytes will be removed\n", done.Unknown)
	}
	if done.Held > 0 {
		fmt.Printf("%d messages in the queue are not sent until you say so, because they may have been sent since the backup: look at them with `mailmesh queue list`, drop what must not go, then `mailmesh queue release --all`\n", done.Held)
	}
	fmt.Println("now run: mailmesh verify")
	return nil
}
