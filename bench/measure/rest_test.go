package measure

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestAwaitRest(t *testing.T) {
	start := func(script string) int {
		cmd := exec.Command("sh", "-c", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		return cmd.Process.Pid
	}
	idle := start("exec sleep 60")
	if took, err := AwaitRest(context.Background(), time.Minute, idle); err != nil || took < restFor {
		t.Errorf("a process that sleeps: at rest after %v, %v", took, err)
	}
	busy := start("while :; do :; done")
	if _, err := AwaitRest(context.Background(), time.Millisecond, busy); err == nil || !strings.Contains(err.Error(), "was not at rest") {
		t.Errorf("a process that works: %v", err)
	}
	if _, err := AwaitRest(context.Background(), time.Millisecond, 1<<30); err == nil {
		t.Error("a process that does not exist is at rest")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := AwaitRest(ctx, time.Minute, idle); err == nil {
		t.Error("it waits though nobody does")
	}
}
