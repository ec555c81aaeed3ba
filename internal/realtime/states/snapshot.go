package states

import (
	"maps"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Snapshot is the states of an account at one moment. It does not change.
type Snapshot struct {
	State           // of the account as a whole
	Rung  time.Time // when the newest change was committed, by the clock of the node that did; zero: not known

	kinds map[tx.Kind]mail.ModSeq
	last  []mail.ModSeq // by type, in order
	texts []string
}

// Of is the state of a type, as it is told.
func (s *Snapshot) Of(t Type) string {
	for i, known := range order {
		if known == t {
			return s.texts[i]
		}
	}
	return ""
}

// Since are the types whose objects have changed since the account was in a state. All have, if that was in another epoch.
func (s *Snapshot) Since(then State) (changed Types) {
	if then.Epoch != s.Epoch {
		return All
	}
	for i, last := range s.last {
		if last > then.ModSeq {
			changed |= 1 << i
		}
	}
	return changed
}

// settings is the last change of what sessions stand on.
func (s *Snapshot) settings() mail.ModSeq { return s.kinds[tx.KindSettings] }

// next reads the snapshot that follows before, or the first one: what there is to read is what has changed since.
func next(t *tx.Tx, account mail.AccountID, before *Snapshot, rung time.Time) (*Snapshot, error) {
	at, epoch, err := t.State(account)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{State: State{Epoch: epoch, ModSeq: at}, Rung: rung}
	if before != nil && before.Epoch == epoch && before.ModSeq <= at {
		changed, err := t.LastOfEach(account, before.ModSeq)
		if err != nil {
			return nil, err
		}
		s.kinds = maps.Clone(before.kinds)
		maps.Copy(s.kinds, changed)
	} else if s.kinds, err = lastOfAll(t, account); err != nil {
		return nil, err
	}
	s.tell(before)
	return s, nil
}

func lastOfAll(t *tx.Tx, account mail.AccountID) (map[tx.Kind]mail.ModSeq, error) {
	needed := []tx.Kind{tx.KindSettings}
	for _, typ := range order {
		needed = append(needed, kinds[typ]...)
	}
	last := map[tx.Kind]mail.ModSeq{}
	for _, kind := range needed {
		if _, known := last[kind]; known {
			continue
		}
		var err error
		if last[kind], err = t.LastOf(account, kind); err != nil {
			return nil, err
		}
	}
	return last, nil
}

// tell makes the texts, those of before where they are the same.
func (s *Snapshot) tell(before *Snapshot) {
	s.last, s.texts = make([]mail.ModSeq, len(order)), make([]string, len(order))
	for i, t := range order {
		for _, kind := range kinds[t] {
			s.last[i] = max(s.last[i], s.kinds[kind])
		}
		if before != nil && before.Epoch == s.Epoch && before.last[i] == s.last[i] {
			s.texts[i] = before.texts[i]
		} else {
			s.texts[i] = State{Epoch: s.Epoch, ModSeq: s.last[i]}.String()
		}
	}
}
