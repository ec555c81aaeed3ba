package live

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime/presence"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
)

// Follow has package presence hear of changes of contacts and settings by a feed. It is presence.Options.Follow.
func Follow(f *states.Feed) func(context.Context, mail.AccountID, func()) (presence.Follower, error) {
	return func(ctx context.Context, account mail.AccountID, wake func()) (presence.Follower, error) {
		l, err := f.Listen(ctx, states.Listening{Accounts: map[mail.AccountID]states.Types{account: states.Set(states.Contact, states.LiveSettings)}, Wake: wake})
		return follower{l}, err
	}
}

type follower struct{ *states.Listener }

// Seen implements presence.Follower: what is known now is told.
func (f follower) Seen() { f.Next() }
