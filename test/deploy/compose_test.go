//go:build system

package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

// The Compose file is what Compose understands, its files are there, and the nodes' configuration is accepted.
func TestCompose(t *testing.T) {
	folder := filepath.Join(root, "deploy/compose")
	options, err := cli.NewProjectOptions([]string{filepath.Join(folder, "compose.yaml")},
		cli.WithEnv([]string{"MAIL_HOSTNAME=mail.example.org", "DATABASE_PASSWORD=secret", "OBJECTS_PASSWORD=secret"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nodes := 0
	for name, service := range project.Services {
		for _, v := range service.Volumes {
			if v.Type == "bind" {
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if service.Build == nil {
			continue
		}
		nodes++
		if _, err := os.Stat(filepath.Join(service.Build.Context, service.Build.Dockerfile)); err != nil {
			t.Error(err)
		}
		if !service.ReadOnly || len(service.CapDrop) != 1 {
			t.Errorf("%s can write to its root, or has capabilities", name)
		}
		env := map[string]string{}
		for key, value := range service.Environment {
			env[key] = *value
		}
		accepted(t, env)
	}
	if _, complaints, err := run(t, folder, "haproxy", "-c", "-f", "haproxy.cfg"); err != nil {
		t.Errorf("haproxy refuses its configuration: %v\n%s", err, complaints)
	}
	if nodes != 3 {
		t.Errorf("there are %d nodes", nodes)
	}
}
