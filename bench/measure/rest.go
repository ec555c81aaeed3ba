package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/proc"
)

// What a server at rest uses of one core, and how long it must have been so.
const (
	restShare = 0.05
	restFor   = 3 * time.Second // what a server does every second or so counts as rest
)

// AwaitRest returns when the server does nothing any more, and how long that took: a
// queue is delivered, an index is written, after the last answer. One that has not
// come to rest within limit is an error.
func AwaitRest(ctx context.Context, limit time.Duration, pids ...int) (time.Duration, error) {
	begin := time.Now()
	before, err := proc.System.CPU(pids...)
	for err == nil {
		if err := pause(ctx, restFor); err != nil {
			return 0, err
		}
		var now time.Duration
		if now, err = proc.System.CPU(pids...); err != nil {
			break
		}
		if float64(now-before) < restShare*float64(restFor) {
			return time.Since(begin), nil
		}
		if time.Since(begin) > limit {
			return 0, fmt.Errorf("the server was not at rest after %v: its last second took %v of CPU", limit, now-before)
		}
		before = now
	}
	return 0, err
}
