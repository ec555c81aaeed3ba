package variant

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"time"
)

// clockVariable names the file of a process's Clock to it.
const clockVariable = "MAILMESH_TEST_CLOCK"

// nowChange makes time.Now ask by how much the clock is turned. Durations are measured by the monotonic clock, which stays
// right, as it does when a machine's clock is set.
var nowChange = Change{
	Old: "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n",
	New: "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tsec += *turned\n",
}

// turnedSource is added to package time: the number of seconds lies in a file that test and process share.
const turnedSource = `package time

import (
	"syscall"
	"unsafe"
)

var turned = mapTurned()

func mapTurned() *int64 {
	path, ok := syscall.Getenv("` + clockVariable + `")
	if !ok {
		return new(int64)
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic("the file of the clock: " + err.Error())
	}
	memory, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("the file of the clock: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&memory[0]))
}
`

// turnable exchanges the standard library's time.Now.
func turnable(folder string, replace map[string]string) error {
	goroot, err := toolSays("env", "GOROOT")
	if err != nil {
		return err
	}
	c := nowChange
	c.File = filepath.Join(goroot, "src/time/time.go")
	if err := c.apply(folder, replace); err != nil {
		return err
	}
	return put(folder, replace, filepath.Join(goroot, "src/time/turned.go"), turnedSource)
}

// Clock is how wrong the clock of a process is.
type Clock struct{ path string }

// NewClock makes a clock that is right. Its file is at path.
func NewClock(path string) (Clock, error) {
	c := Clock{path}
	return c, c.Turn(0)
}

// Env is the variable that gives a process this clock.
func (c Clock) Env() string { return clockVariable + "=" + c.path }

// Turn makes the clock wrong by so much, in whole seconds, for the process that runs with it too.
func (c Clock) Turn(by time.Duration) error {
	f, err := os.OpenFile(c.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	seconds := binary.NativeEndian.AppendUint64(nil, uint64(by/time.Second))
	if _, err := f.WriteAt(seconds, 0); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
