package onboarding

import "golang.org/x/sys/unix"

// timeError is adjtimex's word for a clock that nobody keeps.
const timeError = 5

// Synchronized reports whether somebody keeps the clock of this machine in time.
func Synchronized() (bool, error) {
	state, err := unix.Adjtimex(&unix.Timex{})
	return state != timeError, err
}
