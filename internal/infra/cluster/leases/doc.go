// Package leases gives work that one node must do at a time to one node.
//
// # What it promises
//
// Every work has a row, which names the life (infra/cluster/members) that does it and a fence. Taking the work raises the fence.
//
//   - What a holder commits goes through Held.Fence, in the same transaction: it hits the row of the work under the own life
//     and fence, or fails the commit. It keeps the row until the commit, so a successor waits for what its predecessor is
//     committing, and commits of a predecessor after that fail. There are never two holders that both commit.
//   - Work of a life that has ended is taken by another node within LookEvery: within 10 seconds of the death of a process,
//     of which members needs 9 to be sure of it.
//   - The context of a holder ends as soon as this node knows, or must suspect, that it holds the work no more. That is for
//     effects that no commit fences; by the clock of a node that stood still they can come late, so they must do no harm.
//
// # Two kinds
//
// Work that lasts (Every is 0) is held for as long as its node lives, and the nodes share it evenly: who has more than its
// share gives back. Work that comes again (Every is set) is held while it is done, by whichever node finds it due first, and is
// due again by the database's clock after Every, more or less, whatever nodes came and went.
//
// # Limits
//
// A look is one small query every LookEvery and node. A name has at most MaxName bytes; a server has some dozens of works.
package leases
