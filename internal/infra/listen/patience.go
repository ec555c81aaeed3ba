package listen

import "time"

// Hurried is how long a crowded door waits for a client that has not shown yet why it came.
const Hurried = 10 * time.Second

// WaitUntil says until when to wait for a client that has not shown yet why it came: that has named no recipient, or has
// not signed in. The wait began at begun and may take patience, but no longer than Hurried while the door is crowded. As
// a door can become crowded at any time, the wait is taken in steps: ask again when one is over. The wait is over when
// the answer is not in the future.
func (s *Server) WaitUntil(begun time.Time, patience time.Duration) time.Time {
	step := time.Now()
	if s.admission.crowded() {
		step = begun
	}
	return earlier(begun.Add(patience), step.Add(Hurried))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
