package tracking

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Tell enters the news of an account.
func (tr *Tracking) Tell(ctx context.Context, account mail.AccountID) { tr.tell(ctx, account) }

var Aligned = aligned
