package adminserver

import (
	"context"
	"net/http"
	"time"
)

// Cluster looks at the nodes of the server and tells them what is wanted of them. Nodes are named by their name, their address for other
// nodes, or the beginning of the name, where only one is meant.
type Cluster interface {
	Status(ctx context.Context) (ClusterStatus, error)
	// Drain asks a node to say goodbye to its clients and to take no new work, Undrain to serve again. They return the node.
	Drain(ctx context.Context, name string) (ClusterNode, error)
	Undrain(ctx context.Context, name string) (ClusterNode, error)
}

// ClusterStatus is how all nodes of a server are, as the one that was asked sees it.
type ClusterStatus struct {
	Alone    bool            `json:"alone"`          // the server is one process with a data folder
	Here     string          `json:"here,omitempty"` // the node that was asked; "" where none runs here
	Nodes    []ClusterNode   `json:"nodes"`
	Works    []ClusterWork   `json:"works"` // that one node does at a time
	Database ClusterDatabase `json:"database"`
	Bodies   ClusterBodies   `json:"bodies"`
	Queue    ClusterQueue    `json:"queue"`
	Concerns []string        `json:"concerns"` // what an operator should look at
}

// ClusterNode is one node.
type ClusterNode struct {
	Name    string    `json:"name"`
	Address string    `json:"address,omitempty"` // where other nodes reach it
	Version string    `json:"version"`
	State   string    `json:"state"`          // starting, serving, draining, drained; lost: it has not renewed its lease
	Wish    string    `json:"wish,omitempty"` // drain, where an operator wants that
	Joined  time.Time `json:"joined"`
	Epoch   int64     `json:"epoch"`
	// Renewed is how many milliseconds ago it has renewed its lease, by the database's clock.
	Renewed int64 `json:"renewedMillis"`
	// RoundTrip is how many microseconds an event took to the node and back, just now; null where none came back.
	RoundTrip *int64 `json:"roundTripMicros"`
}

// ClusterWork is work that one node does at a time.
type ClusterWork struct {
	Name  string     `json:"name"`
	Node  string     `json:"node,omitempty"` // that does it; "" where nobody does at this moment
	Alive bool       `json:"alive"`          // that node lives
	Since time.Time  `json:"since"`          // since when it is done, or free
	Due   *time.Time `json:"due"`            // when work that comes again is next done; null for what lasts
}

// ClusterDatabase is how the database is.
type ClusterDatabase struct {
	Engine string `json:"engine"`
	// Answer is how many microseconds it took to answer.
	Answer   int64            `json:"answerMicros"`
	Servers  []DatabaseServer `json:"servers"`
	Standbys []Standby        `json:"standbys"`
}

// DatabaseServer is one host of the database's URL.
type DatabaseServer struct {
	Address string `json:"address"`
	Role    string `json:"role"` // primary, standby, former primary, read-only, away
	Error   string `json:"error,omitempty"`
}

// Standby is a server that copies what the primary writes, as the primary sees it.
type Standby struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	State   string `json:"state"`       // streaming, catchup ...
	Sync    string `json:"sync"`        // sync, quorum: a commit waits for it; potential, async: it does not
	Bytes   int64  `json:"behindBytes"` // that are not on its disk yet
	Behind  int64  `json:"behindMillis"`
}

// ClusterBodies is how the store of bodies is.
type ClusterBodies struct {
	Store  string `json:"store"`           // where they are, for people
	Error  string `json:"error,omitempty"` // why it does not answer
	Answer int64  `json:"answerMicros"`
}

// ClusterQueue is how much mail is still to be sent.
type ClusterQueue struct {
	Messages   int64      `json:"messages"`
	Recipients int64      `json:"recipients"`
	Held       int64      `json:"held"`
	Trying     int64      `json:"trying"`
	Oldest     *time.Time `json:"oldest"`
}

func (h *handler) clusterRoutes(routes map[string]operation) {
	routes["GET /v1/cluster"] = func(r *http.Request) (any, error) { return h.cluster.Status(r.Context()) }
	routes["POST /v1/cluster/nodes/{name}/drain"] = func(r *http.Request) (any, error) {
		return h.cluster.Drain(r.Context(), r.PathValue("name"))
	}
	routes["POST /v1/cluster/nodes/{name}/undrain"] = func(r *http.Request) (any, error) {
		return h.cluster.Undrain(r.Context(), r.PathValue("name"))
	}
}

const nodes = "/v1/cluster/nodes"

// ClusterStatus returns how all nodes are.
func (c *Client) ClusterStatus(ctx context.Context) (ClusterStatus, error) {
	return call[ClusterStatus](ctx, c, http.MethodGet, "/v1/cluster", nil)
}

// DrainNode asks a node to say goodbye to its clients and to take no new work.
func (c *Client) DrainNode(ctx context.Context, name string) (ClusterNode, error) {
	return call[ClusterNode](ctx, c, http.MethodPost, at(nodes, name, "drain"), nil)
}

// UndrainNode asks a node to serve again.
func (c *Client) UndrainNode(ctx context.Context, name string) (ClusterNode, error) {
	return call[ClusterNode](ctx, c, http.MethodPost, at(nodes, name, "undrain"), nil)
}
