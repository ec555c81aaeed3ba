// Package deploy holds what deploy/ ships to what it is for: the chart renders into what Kubernetes accepts, the image's root
// is enough to run in, the alerts come when they should, and nothing names a key or a metric that is not there.
package deploy
