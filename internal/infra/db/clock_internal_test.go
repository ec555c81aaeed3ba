package db

import (
	"testing"
	"time"
)

// The time is reckoned on for a while, not over a sleep of the machine, and not once it is forgotten.
func TestClockReckons(t *testing.T) {
	asked := time.Now()
	database := time.UnixMilli(1_700_000_000_000)
	c := clock{asked: asked, time: database}
	if got, ok := c.reckon(asked.Add(59 * time.Second)); !ok || !got.Equal(database.Add(59*time.Second)) {
		t.Errorf("after 59 s: %v, %t", got, ok)
	}
	for name, now := range map[string]time.Time{
		"after a minute":   asked.Add(time.Minute),
		"before":           asked.Add(-time.Second),
		"after a sleep":    asked.Round(0).Add(8 * time.Hour),
		"with a clock set": asked.Round(0).Add(-8 * time.Hour),
	} {
		if got, ok := c.reckon(now); ok {
			t.Errorf("%s it is reckoned to be %v", name, got)
		}
	}
	d := new(DB)
	d.clock.asked, d.clock.time = asked, database
	if d.ForgetClock(); !d.clock.asked.IsZero() {
		t.Error("the clock is not forgotten")
	}
	if got, ok := d.clock.reckon(asked); ok {
		t.Errorf("forgotten it is %v", got)
	}
}
