package node

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
)

// While a node is at what was wanted before, who looks after the nodes goes on, and only the newest wish counts.
func TestWishesDoNotWait(t *testing.T) {
	d := &drainer{wishes: make(chan members.Wish, 1)}
	for _, w := range []members.Wish{members.Drain, members.Serve, members.Drain} {
		d.want(w)
	}
	if w := <-d.wishes; w != members.Drain || len(d.wishes) > 0 {
		t.Errorf("it does %q, and %d wishes are left", w, len(d.wishes))
	}
}
