package queries

import (
	"context"
	"errors"
	"testing"
)

type stone int64

func (s stone) weight() int64 { return int64(s) - entryWeight }

func TestCacheIsBounded(t *testing.T) {
	c := newCache(10_000)
	made := 0
	get := func(key string, weight int64) {
		t.Helper()
		_, err := derive(t.Context(), c, key, func(known stone) (stone, error) {
			if known == 0 {
				made++
			}
			return stone(weight), nil
		})
		if err != nil || c.weight > c.max || c.weight < 0 || c.used.Len() != len(c.entries) {
			t.Fatalf("%s: %d of %d kept in %d and %d entries, %v", key, c.weight, c.max, c.used.Len(), len(c.entries), err)
		}
	}
	get("a", 4000)
	get("b", 4000)
	get("a", 4000)
	get("c", 4000) // b goes
	get("a", 5000)
	if made != 3 {
		t.Errorf("%d were made", made)
	}
	get("b", 4000) // c goes
	get("huge", 20_000)
	get("huge", 20_000)
	if made != 6 || c.entries["huge"] != nil || c.entries["a"] == nil {
		t.Errorf("%d were made, %v are kept", made, c.entries)
	}
	failed := errors.New("no")
	if _, err := derive(t.Context(), c, "d", func(stone) (stone, error) { return 0, failed }); !errors.Is(err, failed) || c.entries["d"] != nil {
		t.Errorf("%v, %v", err, c.entries["d"])
	}
	get("a", 3000)
	if _, err := derive(t.Context(), c, "a", func(stone) (stone, error) { return 0, failed }); err == nil || c.entries["a"] == nil {
		t.Error("what was known is forgotten with a failure")
	}
	if c.entries["a"] == nil || c.weight > 10_000 {
		t.Errorf("%d are kept", c.weight)
	}
}

// Who gives up waiting for another's work gives up.
func TestCacheWaits(t *testing.T) {
	c := newCache(10_000)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := derive(t.Context(), c, "a", func(stone) (stone, error) {
		cancel()
		if _, err := derive(ctx, c, "a", func(stone) (stone, error) { return 1, nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a second one: %v", err)
		}
		return 1, nil
	})
	if err != nil {
		t.Error(err)
	}
}
