package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mailmesh/mailmesh/internal/node"
)

// rebuild is for a database that has lost rows of bodies while the bodies are there. Its exit status is 1 when some could
// not be given back.
type rebuild struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

func (r rebuild) Run(ctx context.Context, c *commands) error {
	cfg, err := c.existing()
	if err != nil {
		return err
	}
	done, err := node.Rebuild(ctx, cfg, logger(cfg.Log))
	if err != nil {
		return stopFirst(err)
	}
	if r.JSON {
		err = json.NewEncoder(os.Stdout).Encode(done)
	} else {
		r.print(done)
	}
	if err == nil && done.Lost > 0 {
		err = errReported
	}
	return err
}

func (rebuild) print(d node.Rebuilt) {
	if d.Damaged > 0 {
		fmt.Printf("%d lines of the key file are damaged and were passed over\n", d.Damaged)
	}
	if d == (node.Rebuilt{Damaged: d.Damaged}) {
		fmt.Println("nothing to rebuild: every body that is held has its rows")
		return
	}
	fmt.Printf("%d rows were made from the packs, %d from the key file; %d counts were put right\n", d.Objects, d.Names, d.Holds)
	if d.Lost > 0 {
		fmt.Printf("%d bodies could NOT be given back: neither packs nor key file have what they need\n", d.Lost)
	}
	fmt.Println("now run: mailmesh verify")
}
