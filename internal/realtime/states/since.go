package states

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// ChangedSince are the types that have changed, and what they are now.
type ChangedSince struct {
	Types Types
	Now   State // of the account as a whole
	last  map[Type]State
}

// Of is the state of a type that has changed.
func (c ChangedSince) Of(t Type) string { return c.last[t].String() }

// Since reads which types of an account have changed since it was in a state: all, if that was in another epoch.
func Since(t *tx.Tx, account mail.AccountID, then State) (c ChangedSince, err error) {
	at, epoch, err := t.State(account)
	if err != nil {
		return c, err
	}
	c.Now, c.last = State{Epoch: epoch, ModSeq: at}, map[Type]State{}
	if epoch != then.Epoch {
		c.Types = All
		for _, typ := range order {
			if c.last[typ], err = Of(t, account, typ); err != nil {
				return c, err
			}
		}
		return c, nil
	}
	changed, err := t.LastOfEach(account, then.ModSeq)
	for i, typ := range order {
		for _, kind := range kinds[typ] {
			if last := changed[kind]; last > c.last[typ].ModSeq {
				c.Types |= 1 << i
				c.last[typ] = State{Epoch: epoch, ModSeq: last}
			}
		}
	}
	return c, err
}
