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
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		metric, label, _ := strings.Cut(series, "{")
		if metric != name || !strings.Contains(label, labels) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %q is no number", series, value)
		}
		sum += v
	}
	return sum, lines.Err()
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

// Rest waits until every node is ready and none has a session in which mail comes in: what a client has given up may still be accepted
// in one.
func (c *Cluster) Rest(ctx context.Context) error {
	if err := c.Ready(ctx); err != nil {
		return err
	}
	for _, n := range c.Nodes {
		for _, protocol := range []string{"smtp", "lmtp", "submission"} {
			for {
				open, err := n.Meter(ctx, "mailmesh_sessions", `"`+protocol+`"`)
				if err == nil && open == 0 {
					break
				}
				select {
				case <-ctx.Done():
					return fmt.Errorf("%s has %v %s sessions that do not end: %w", n.Name, open, protocol, context.Cause(ctx))
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	}
	return nil
}
