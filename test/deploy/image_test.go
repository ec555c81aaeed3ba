//go:build system

package deploy

import (
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/program"
)

// image is the last stage of the Dockerfile.
type image struct {
	from string
	copy map[string]string // source to target
	user string
	env  map[string]string
	run  []string // entry point and command
}

func readImage(t *testing.T) (m image) {
	t.Helper()
	text := strings.ReplaceAll(read(t, "deploy/docker/Dockerfile"), "\\\n", " ")
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		switch words := fields[1:]; fields[0] {
		case "FROM":
			m = image{from: words[0], copy: map[string]string{}, env: map[string]string{}}
		case "COPY":
			m.copy[words[len(words)-2]] = words[len(words)-1]
		case "USER":
			m.user = words[0]
		case "ENV":
			for _, w := range words {
				name, value, _ := strings.Cut(w, "=")
				m.env[name] = value
			}
		case "ENTRYPOINT", "CMD":
			var list []string
			if err := json.Unmarshal([]byte(strings.TrimPrefix(strings.TrimSpace(line), fields[0])), &list); err != nil {
				t.Fatal(err)
			}
			m.run = append(m.run, list...)
		}
	}
	return m
}

// What the image holds is enough: the server runs as nobody in particular, in a root of these files that it cannot write to.
func TestImage(t *testing.T) {
	m := readImage(t)
	if m.from != "scratch" || m.user != "65532:65532" || strings.Join(m.run, " ") != "/mailmesh serve" {
		t.Fatalf("the image is %+v", m)
	}
	accepted(t, m.env)
	if os.Getuid() != 0 {
		t.Skip("only root can change its root")
	}
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	isStatic(t, path)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{"/out/mailmesh": path, "/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt", "/out/data": ""}
	for source, target := range m.copy {
		from, ok := sources[source]
		if !ok {
			t.Fatalf("the image holds %s: put it into this test", source)
		}
		place(t, from, filepath.Join(dir, target))
	}
	serveIn(t, dir, m)
}

func isStatic(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Fatal("the program is not static")
		}
	}
}

// place copies a file, or makes a folder where there is none.
func place(t *testing.T, from, to string) {
	t.Helper()
	if from == "" {
		if err := os.MkdirAll(to, 0o700); err != nil {
			t.Fatal(err)
		}
		return
	}
	bytes, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, bytes, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contained makes a root that cannot be written to, but /data, and becomes a program in it.
const contained = `
set -e
mount --bind "$1" "$1"
mount -o remount,ro,bind "$1"
mount -t tmpfs -o size=64m,uid=65532,gid=65532,mode=0700 data "$1/data"
root=$1
shift
exec chroot --userspec=65532:65532 "$root" "$@"
`

func serveIn(t *testing.T, dir string, m image) {
	t.Helper()
	var output program.Output
	args := append([]string{"--mount", "sh", "-c", contained, "contained", dir}, m.run...)
	cmd := exec.Command("unshare", append(args, "--any-port", "--ready-file", "/data/ready.json")...)
	cmd.Stdout, cmd.Stderr = &output, &output
	for name, value := range m.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"), "MAILMESH_CONFIG_HOSTNAME=mail.example.org")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to end all of it: the program has another user than its parent
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		<-ended
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if isReady(ctx, fmt.Sprintf("/proc/%d/root/data/ready.json", cmd.Process.Pid)) {
			return
		}
		select {
		case err := <-ended:
			ended <- err // for the end
			t.Fatalf("it has ended: %v\n%s", err, output.String())
		case <-ctx.Done():
			t.Fatalf("it is not ready\n%s", output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// isReady reports whether the server that has written a ready file says so.
func isReady(ctx context.Context, file string) bool {
	var doors struct{ Metrics string }
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &doors) != nil {
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+doors.Metrics+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
