//go:build system

package deploy

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// rendered are the objects of the chart that Kubernetes itself knows; what the Prometheus operator adds is by kind.
type rendered struct {
	deployment apps.Deployment
	service    core.Service
	account    core.ServiceAccount
	budget     policy.PodDisruptionBudget
	scaler     *autoscaling.HorizontalPodAutoscaler
	network    *networking.NetworkPolicy
	dashboard  *core.ConfigMap
	custom     map[string]map[string]any
}

func template(t *testing.T, values string, more ...string) (string, string, error) {
	args := append([]string{"template", "mail", filepath.Join(root, "deploy/helm/mailmesh"), "--kube-version", "1.31.0"}, more...)
	if values != "" {
		args = append(args, "--values", filepath.Join("testdata", values))
	}
	return run(t, "", "helm", args...)
}

// render renders the chart and decodes every object strictly: a field that is not the type's own is an error.
func render(t *testing.T, values string) (r rendered) {
	t.Helper()
	out, complaints, err := template(t, values)
	if err != nil {
		t.Fatalf("helm: %v\n%s", err, complaints)
	}
	r.custom = map[string]map[string]any{}
	for _, document := range strings.Split(out, "\n---\n") {
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if kind.Kind == "" { // comments
			continue
		}
		into := r.of(kind.APIVersion + " " + kind.Kind)
		if into == nil {
			t.Fatalf("the chart has a %s of %s, which this test does not know", kind.Kind, kind.APIVersion)
		}
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			t.Errorf("%s: %v\n%s", kind.Kind, err, document)
		}
	}
	return r
}

func (r *rendered) of(kind string) any {
	switch kind {
	case "apps/v1 Deployment":
		return &r.deployment
	case "v1 Service":
		return &r.service
	case "v1 ServiceAccount":
		return &r.account
	case "policy/v1 PodDisruptionBudget":
		return &r.budget
	case "autoscaling/v2 HorizontalPodAutoscaler":
		r.scaler = new(autoscaling.HorizontalPodAutoscaler)
		return r.scaler
	case "networking.k8s.io/v1 NetworkPolicy":
		r.network = new(networking.NetworkPolicy)
		return r.network
	case "v1 ConfigMap":
		r.dashboard = new(core.ConfigMap)
		return r.dashboard
	case "monitoring.coreos.com/v1 PodMonitor", "monitoring.coreos.com/v1 PrometheusRule":
		object := map[string]any{}
		_, name, _ := strings.Cut(kind, " ")
		r.custom[name] = object
		return &object
	}
	return nil
}

// environment is what the container gets, with something in the place of secrets.
func environment(c core.Container) map[string]string {
	all := map[string]string{}
	for _, e := range c.Env {
		if all[e.Name] = e.Value; e.ValueFrom != nil {
			all[e.Name] = "postgres://mailmesh:secret@a,b/mailmesh"
		}
	}
	return all
}

// The pod is as locked up as it can be, its configuration is accepted, and every port that the service or a probe names is one of
// the container's.
func TestChart(t *testing.T) {
	for _, values := range []string{"minimal.yaml", "full.yaml"} {
		t.Run(values, func(t *testing.T) {
			r := render(t, values)
			pod := r.deployment.Spec.Template.Spec
			c := pod.Containers[0]
			if s := c.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
				t.Errorf("the container may: %+v", s)
			}
			if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
				t.Errorf("the pod may: %+v", s)
			}
			ports := map[string]int32{}
			for _, p := range c.Ports {
				ports[p.Name] = p.ContainerPort
			}
			for _, p := range r.service.Spec.Ports {
				if ports[p.TargetPort.StrVal] == 0 {
					t.Errorf("the service leads to the port %q, which the container has not", p.TargetPort.StrVal)
				}
			}
			for _, p := range []*core.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
				if ports[p.HTTPGet.Port.StrVal] == 0 {
					t.Errorf("a probe asks at %q", p.HTTPGet.Port.StrVal)
				}
			}
			for _, selector := range []map[string]string{r.service.Spec.Selector, r.budget.Spec.Selector.MatchLabels, r.deployment.Spec.Selector.MatchLabels,
				r.network.Spec.PodSelector.MatchLabels} {
				for key, value := range selector {
					if r.deployment.Spec.Template.Labels[key] != value || len(selector) == 0 {
						t.Errorf("the selector %v does not choose the pods", selector)
					}
				}
			}
			if values == "minimal.yaml" {
				accepted(t, environment(c))
			}
		})
	}
}

func TestChartFull(t *testing.T) {
	r := render(t, "full.yaml")
	c := r.deployment.Spec.Template.Spec.Containers[0]
	env := environment(c)
	for name, want := range map[string]string{
		"MAILMESH_CONFIG_LISTEN_POP3":         "",
		"MAILMESH_CONFIG_LISTEN_POP3S":        "",
		"MAILMESH_CONFIG_LISTEN_PROXIES":      "10.0.0.0/8,fd00::/8",
		"MAILMESH_CONFIG_BODIES_SMALL":        "32KiB",
		"MAILMESH_CONFIG_LIMITS_MESSAGE_SIZE": "100MiB",
		"MAILMESH_CONFIG_TLS_KEY":             "/etc/mailmesh/tls/tls.key",
	} {
		if got, ok := env[name]; !ok || got != want {
			t.Errorf("%s is %q, %t, want %q", name, got, ok, want)
		}
	}
	for _, p := range r.service.Spec.Ports {
		if strings.HasPrefix(p.Name, "pop3") || p.Name == "smtp" && p.Port != 2525 {
			t.Errorf("the service has the port %+v", p)
		}
	}
	if r.scaler == nil || r.deployment.Spec.Replicas != nil || *r.scaler.Spec.MinReplicas != 3 {
		t.Error("the scaler and the deployment both say how many nodes there are, or none does")
	}
	known(t, "the scaler", r.scaler.Spec.Metrics[0].Pods.Metric.Name)
	if groups, _ := r.custom["PrometheusRule"]["spec"].(map[string]any)["groups"].([]any); len(groups) == 0 {
		t.Error("the rules are empty")
	}
	if r.dashboard == nil || !strings.Contains(r.dashboard.Data["mailmesh.json"], `"panels"`) {
		t.Error("there is no dashboard")
	}
	delete(env, "MAILMESH_CONFIG_TLS_CERTIFICATE") // files that are not here
	delete(env, "MAILMESH_CONFIG_TLS_KEY")
	accepted(t, env)
}

// What is forgotten or misspelt is said, and not installed.
func TestChartRefuses(t *testing.T) {
	for _, c := range []struct {
		set  []string
		says string
	}{
		{nil, "hostname"},
		{[]string{"--set", "hostname=mail.example.org"}, "database"},
		{[]string{"--values", "testdata/minimal.yaml", "--set", "hostname=mail"}, "hostname"},
		{[]string{"--values", "testdata/minimal.yaml", "--set", "replica=3"}, "replica"},
		{[]string{"--values", "testdata/minimal.yaml", "--set", "service.ports.smpt=25"}, "smpt"},
		{[]string{"--values", "testdata/minimal.yaml", "--set", "config.LOG=debug"}, "LOG"},
		{[]string{"--values", "testdata/minimal.yaml", "--set", "bodies.store=https://x"}, "store"},
	} {
		_, complaints, err := template(t, "", c.set...)
		if err == nil || !strings.Contains(complaints, c.says) {
			t.Errorf("%v: %v, want it to be refused with %q; it says\n%s", c.set, err, c.says, complaints)
		}
	}
	if _, complaints, err := run(t, "", "helm", "lint", "--strict", filepath.Join(root, "deploy/helm/mailmesh"), "--values", "testdata/minimal.yaml", "--kube-version", "1.31.0"); err != nil {
		t.Errorf("helm lint: %v\n%s", err, complaints)
	}
}
