package nodes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// errNoMeter is said where a node has no such metric.
var errNoMeter = errors.New("there is no such metric")

// Meter is the sum of a metric of the node over all of its labels that contain a text.
func (n *Node) Meter(ctx context.Context, name, labels string) (sum float64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Doors["metrics"]+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	found := false
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		metric, label, _ := strings.Cut(series, "{")
		if metric != name || !strings.Contains(label, labels) {
			continue
		}
		found = true
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %q is no number", series, value)
		}
		sum += v
	}
	if err := lines.Err(); err != nil || found {
		return sum, err
	}
	return 0, fmt.Errorf("%s of %s: %w", name, n.Name, errNoMeter)
}

// Ready waits until every node says that it is.
func (c *Cluster) Ready(ctx context.Context) error {
	for _, n := range c.Nodes {
		for {
			why := n.ready(ctx)
			if why == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s does not become ready: %w", n.Name, why)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

func (n *Node) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Doors["metrics"]+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return fmt.Errorf("%s: %s, %w", answer.Status, text, errors.Join(err))
	}
	return nil
}
