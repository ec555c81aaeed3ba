package history

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// at gives an operation its time, in seconds.
func at(call, end int, o Operation) Operation {
	o.Call, o.Return = time.Duration(call)*time.Second, time.Duration(end)*time.Second
	return o
}

func unanswered(o Operation) Operation { o.Outcome = Unknown; return o }

var (
	delivery = Operation{Kind: Deliver, To: Inbox}
	missed   = Operation{Kind: ReadIn, From: Inbox, UID: 7}
)

func saw(p Place, uid uint32, f Flags) Operation {
	return Operation{Kind: ReadIn, From: p, UID: uid, Found: true, Saw: f}
}

func whole(in Places, f Flags) Operation {
	return Operation{Kind: Read, Found: true, SawIn: in, Saw: f}
}

func store(add, clear Flags) Operation {
	return Operation{Kind: Store, From: Inbox, UID: 7, Found: true, Add: add, Clear: clear}
}

func moved(uid, to uint32) Operation {
	return Operation{Kind: Move, From: Inbox, To: Archive, UID: uid, NewUID: to, Found: true}
}

func step(k Kind) Operation { return Operation{Kind: k, From: Inbox, UID: 7} }

func inbox(uid uint32, f Flags) final { return final{uids: [places]uint32{Inbox: uid}, flags: f} }

func TestVerdict(t *testing.T) {
	patch := Operation{Kind: Patch, Found: true, Add: Seen}
	for name, c := range map[string]struct {
		operations []Operation
		end        final
		want       porcupine.CheckResult
	}{
		"delivered":                 {[]Operation{at(1, 2, delivery)}, inbox(7, 0), porcupine.Ok},
		"lost":                      {[]Operation{at(1, 2, delivery)}, final{}, porcupine.Illegal},
		"without an answer, lost":   {[]Operation{at(1, 2, unanswered(delivery))}, final{}, porcupine.Ok},
		"without an answer, kept":   {[]Operation{at(1, 2, unanswered(delivery))}, inbox(7, 0), porcupine.Ok},
		"there before it was sent":  {[]Operation{at(1, 2, saw(Inbox, 7, 0)), at(3, 4, delivery)}, inbox(7, 0), porcupine.Illegal},
		"another flag in the end":   {[]Operation{at(1, 2, delivery)}, inbox(7, Seen), porcupine.Illegal},
		"a flag set":                {[]Operation{at(1, 2, delivery), at(3, 4, store(Seen, 0))}, inbox(7, Seen), porcupine.Ok},
		"a flag lost":               {[]Operation{at(1, 2, delivery), at(3, 4, store(Seen, 0))}, inbox(7, 0), porcupine.Illegal},
		"an unanswered flag lost":   {[]Operation{at(1, 2, delivery), at(3, 4, unanswered(store(Seen, 0)))}, inbox(7, 0), porcupine.Ok},
		"an unanswered flag kept":   {[]Operation{at(1, 2, delivery), at(3, 4, unanswered(store(Seen, 0)))}, inbox(7, Seen), porcupine.Ok},
		"a flag that nobody set":    {[]Operation{at(1, 2, delivery), at(3, 4, saw(Inbox, 7, Flagged))}, inbox(7, 0), porcupine.Illegal},
		"two at once, in one order": {[]Operation{at(1, 2, delivery), at(3, 6, store(Seen, 0)), at(4, 5, store(0, Seen))}, inbox(7, Seen), porcupine.Ok},
		"the other order":           {[]Operation{at(1, 2, delivery), at(3, 6, store(Seen, 0)), at(4, 5, store(0, Seen))}, inbox(7, 0), porcupine.Ok},
		"a stale read": {[]Operation{at(1, 2, delivery), at(3, 4, store(Seen, 0)), at(5, 6, saw(Inbox, 7, 0))},
			inbox(7, Seen), porcupine.Illegal},
		"a read beside the change": {[]Operation{at(1, 2, delivery), at(3, 6, store(Seen, 0)), at(4, 5, saw(Inbox, 7, 0))},
			inbox(7, Seen), porcupine.Ok},
		"back and forth": {[]Operation{at(1, 2, delivery), at(3, 9, store(Seen, 0)), at(4, 5, saw(Inbox, 7, Seen)), at(6, 7, saw(Inbox, 7, 0))},
			inbox(7, Seen), porcupine.Illegal},
		"an unanswered change comes late": {[]Operation{at(1, 2, delivery), at(3, 4, unanswered(store(Seen, 0))), at(5, 6, saw(Inbox, 7, 0)),
			at(7, 8, saw(Inbox, 7, Seen))}, inbox(7, Seen), porcupine.Ok},
		"an unanswered change is undone": {[]Operation{at(1, 2, delivery), at(3, 4, unanswered(store(Seen, 0))), at(5, 6, saw(Inbox, 7, Seen)),
			at(7, 8, saw(Inbox, 7, 0))}, inbox(7, 0), porcupine.Illegal},
		"a refused change happened": {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Store, From: Inbox, UID: 7, Add: Seen, Outcome: Refused})},
			inbox(7, Seen), porcupine.Illegal},
		"removed": {[]Operation{at(1, 2, delivery), at(3, 4, step(Delete)), at(5, 6, step(Expunge))}, final{}, porcupine.Ok},
		"removed, and it is back": {[]Operation{at(1, 2, delivery), at(3, 4, step(Delete)), at(5, 6, step(Expunge)), at(7, 8, saw(Inbox, 7, 0))},
			inbox(7, 0), porcupine.Illegal},
		"removed half":                   {[]Operation{at(1, 2, delivery), at(3, 4, step(Delete))}, final{uids: [places]uint32{Inbox: 7}, deleted: In(Inbox)}, porcupine.Ok},
		"expunged without \\Deleted":     {[]Operation{at(1, 2, delivery), at(3, 4, saw(Inbox, 7, 0)), at(5, 6, step(Expunge))}, final{}, porcupine.Illegal},
		"\\Deleted is not shown by JMAP": {[]Operation{at(1, 2, delivery), at(3, 4, step(Delete)), at(5, 6, Operation{Kind: Read}), at(7, 8, saw(Inbox, 7, 0)), at(9, 10, step(Expunge))}, final{}, porcupine.Ok},
		"set as a whole, it is kept": {[]Operation{at(1, 2, delivery), at(3, 4, step(Delete)),
			at(5, 6, Operation{Kind: Store, From: Inbox, UID: 7, Found: true, Whole: true, Clear: AllFlags}), at(7, 8, step(Expunge))}, inbox(7, 0), porcupine.Ok},
		"moved": {[]Operation{at(1, 2, delivery), at(3, 4, moved(7, 3)), at(5, 6, missed), at(7, 8, saw(Archive, 3, 0))},
			final{uids: [places]uint32{Archive: 3}}, porcupine.Ok},
		"moved twice":                      {[]Operation{at(1, 2, delivery), at(3, 4, moved(7, 3)), at(5, 6, moved(7, 4))}, final{uids: [places]uint32{Archive: 4}}, porcupine.Illegal},
		"moved, and left behind":           {[]Operation{at(1, 2, delivery), at(3, 4, moved(7, 3))}, final{uids: [places]uint32{Inbox: 7, Archive: 3}}, porcupine.Illegal},
		"moved, under another UID":         {[]Operation{at(1, 2, delivery), at(3, 4, moved(7, 3))}, final{uids: [places]uint32{Archive: 4}}, porcupine.Illegal},
		"a move lost":                      {[]Operation{at(1, 2, delivery), at(3, 4, moved(7, 3))}, inbox(7, 0), porcupine.Illegal},
		"an unanswered move":               {[]Operation{at(1, 2, delivery), at(3, 4, unanswered(moved(7, 0))), at(5, 6, saw(Archive, 9, 0))}, final{uids: [places]uint32{Archive: 9}}, porcupine.Ok},
		"not found though it is":           {[]Operation{at(1, 2, delivery), at(3, 4, saw(Inbox, 7, 0)), at(5, 6, missed)}, inbox(7, 0), porcupine.Illegal},
		"its UID changes":                  {[]Operation{at(1, 2, delivery), at(3, 4, saw(Inbox, 7, 0)), at(5, 6, saw(Inbox, 8, 0))}, inbox(8, 0), porcupine.Illegal},
		"copied, one set of flags":         {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Copy, From: Inbox, To: Copies, UID: 7, NewUID: 1, Found: true}), at(5, 6, store(Seen, 0)), at(7, 8, saw(Copies, 1, Seen))}, final{uids: [places]uint32{Inbox: 7, Copies: 1}, flags: Seen}, porcupine.Ok},
		"copied, two sets of flags":        {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Copy, From: Inbox, To: Copies, UID: 7, NewUID: 1, Found: true}), at(5, 6, store(Seen, 0)), at(7, 8, saw(Copies, 1, 0))}, final{uids: [places]uint32{Inbox: 7, Copies: 1}, flags: Seen}, porcupine.Illegal},
		"JMAP sees both":                   {[]Operation{at(1, 2, delivery), at(3, 4, patch), at(5, 6, whole(In(Inbox), Seen))}, inbox(7, Seen), porcupine.Ok},
		"JMAP sees it elsewhere":           {[]Operation{at(1, 2, delivery), at(5, 6, whole(In(Archive), 0))}, inbox(7, 0), porcupine.Illegal},
		"patched after it was gone":        {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Destroy, Found: true}), at(5, 6, patch)}, final{}, porcupine.Illegal},
		"destroyed by two":                 {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Destroy, Found: true}), at(3, 4, Operation{Kind: Destroy, Found: true})}, final{}, porcupine.Illegal},
		"destroyed once of two":            {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Destroy, Found: true}), at(3, 4, Operation{Kind: Destroy})}, final{}, porcupine.Ok},
		"moved by JMAP":                    {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Patch, From: Inbox, To: Archive, Found: true})}, final{uids: [places]uint32{Archive: 3}}, porcupine.Ok},
		"relayed, comes late":              {[]Operation{at(1, 2, Operation{Kind: Relay, To: Inbox}), at(8, 9, saw(Inbox, 7, 0))}, inbox(7, 0), porcupine.Ok},
		"delivered by two attempts?":       {[]Operation{at(1, 2, delivery), at(3, 4, delivery)}, inbox(7, 0), porcupine.Illegal},
		"JMAP sees a flag that nobody set": {[]Operation{at(1, 2, delivery), at(3, 4, whole(In(Inbox), Flagged))}, inbox(7, 0), porcupine.Illegal},
		"relayed, not there at first":      {[]Operation{at(1, 2, Operation{Kind: Relay, To: Inbox}), at(3, 4, Operation{Kind: Read}), at(8, 9, saw(Inbox, 7, 0))}, inbox(7, 0), porcupine.Ok},
		"delivered, not there at first":    {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Read}), at(8, 9, saw(Inbox, 7, 0))}, inbox(7, 0), porcupine.Illegal},
		"wanted again where it has \\Deleted": {[]Operation{at(1, 2, delivery), at(3, 4, Operation{Kind: Copy, From: Inbox, To: Copies, UID: 7, NewUID: 1, Found: true}), at(5, 6, step(Delete)),
			at(7, 8, Operation{Kind: Patch, From: Archive, To: Inbox, Found: true})}, final{uids: [places]uint32{Inbox: 7, Copies: 1}}, porcupine.Ok},
		"back under a new UID": {[]Operation{at(1, 2, delivery), at(3, 4, saw(Inbox, 7, 0)), at(5, 6, Operation{Kind: Patch, From: Inbox, To: Archive, Found: true}),
			at(7, 8, Operation{Kind: Patch, From: Archive, To: Inbox, Found: true}), at(9, 10, missed), at(11, 12, saw(Inbox, 9, 0))}, inbox(9, 0), porcupine.Ok},
		"not found where it came first": {[]Operation{at(1, 2, delivery), at(3, 4, missed)}, inbox(7, 0), porcupine.Illegal},
		"a store whose message went":    {[]Operation{at(1, 2, delivery), at(3, 8, Operation{Kind: Store, From: Inbox, UID: 7, Add: Seen}), at(4, 5, moved(7, 3))}, final{uids: [places]uint32{Archive: 3}, flags: Seen}, porcupine.Ok},
	} {
		t.Run(name, func(t *testing.T) {
			if got := verdict(c.operations, c.end, patience); got != c.want {
				t.Errorf("%v, want %v; in the end %v after\n%s", got, c.want, c.end, tell(c.operations))
			}
		})
	}
}
