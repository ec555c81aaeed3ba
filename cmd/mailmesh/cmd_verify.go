package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mailmesh/mailmesh/internal/node"
)

// verify checks everything that is kept, on the running server or on the data folder. Its exit status is 1 when mail is
// lost or rows disagree.
type verify struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

func (v verify) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		report, err := a.Verify(ctx)
		if err != nil {
			return err
		}
		if v.JSON {
			encoder := json.NewEncoder(os.Stdout)
			encoder.SetIndent("", "  ")
			err = encoder.Encode(report)
		} else {
			v.print(report)
		}
		if err == nil && !report.OK {
			err = errReported
		}
		return err
	})
}

// shown is how many findings are for a person to read. The others are most likely of the same kind.
const shown = 50

func (verify) print(r node.VerifyReport) {
	for _, f := range r.Findings[:min(shown, len(r.Findings))] {
		account := ""
		if f.Account != "" {
			account = " " + f.Account
		}
		fmt.Printf("%s: %s%s: %s\n", f.Severity, f.Room, account, f.Text)
	}
	if more := max(0, len(r.Findings)-shown) + r.More; more > 0 {
		fmt.Printf("and %d more, of which --json prints %d\n", more, more-r.More)
	}
	if r.Rebuild {
		fmt.Println("`mailmesh rebuild` may mend some of this: stop the server, and see docs/operations/backup.md")
	}
	verdict := "everything is there and whole"
	if !r.OK {
		verdict = "NOT everything is as it should be"
	}
	fmt.Printf("%s (accounts: %d, bodies: %d in %d objects, bytes read: %d)\n", verdict, r.Accounts, r.Bodies.Blobs, r.Bodies.Objects, r.Bodies.Bytes)
}
