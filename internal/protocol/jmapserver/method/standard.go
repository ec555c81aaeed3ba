package method

import "github.com/mailmesh/mailmesh/internal/rfc/ijson"

// GetArgs are the arguments of every /get (RFC 8620 5.1). A nil slice is null.
type GetArgs struct {
	AccountID  string    `json:"accountId"`
	IDs        *[]string `json:"ids"`
	Properties *[]string `json:"properties"`
}

// GetResponse is its response.
type GetResponse struct {
	AccountID string   `json:"accountId"`
	State     string   `json:"state"`
	List      any      `json:"list"` // a slice, or one as JSON
	NotFound  []string `json:"notFound"`
}

// AppendJSON writes it. The list may be large, and be JSON already.
func (r GetResponse) AppendJSON(dst []byte) (_ []byte, err error) {
	dst = append(dst, '{')
	for _, m := range []struct {
		name string
		of   any
	}{{"accountId", r.AccountID}, {"state", r.State}, {"list", r.List}, {"notFound", r.NotFound}} {
		if dst, err = ijson.AppendMember(dst, m.name, m.of); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// ChangesArgs are the arguments of every /changes (RFC 8620 5.2).
type ChangesArgs struct {
	AccountID  string  `json:"accountId"`
	SinceState string  `json:"sinceState"`
	MaxChanges *uint64 `json:"maxChanges"`
}

// ChangesResponse is its response.
type ChangesResponse struct {
	AccountID      string   `json:"accountId"`
	OldState       string   `json:"oldState"`
	NewState       string   `json:"newState"`
	HasMoreChanges bool     `json:"hasMoreChanges"`
	Created        []string `json:"created"`
	Updated        []string `json:"updated"`
	Destroyed      []string `json:"destroyed"`
}

// SetArgs are the arguments of every /set (RFC 8620 5.3). Objects and patches are read by the type's own method.
type SetArgs struct {
	AccountID string                            `json:"accountId"`
	IfInState *string                           `json:"ifInState"`
	Create    map[string]ijson.Value            `json:"create"`
	Update    map[string]map[string]ijson.Value `json:"update"`
	Destroy   []string                          `json:"destroy"`
}

// SetResponse is its response. What is empty is null in it.
type SetResponse struct {
	AccountID    string
	OldState     string // "": not known
	NewState     string
	Created      map[string]any
	Updated      map[string]any // nil where the server set nothing else
	Destroyed    []string
	NotCreated   map[string]*Error
	NotUpdated   map[string]*Error
	NotDestroyed map[string]*Error
}

// MarshalJSON writes it as RFC 8620 5.3 says.
func (r SetResponse) MarshalJSON() ([]byte, error) {
	return ijson.Marshal(struct {
		AccountID    string             `json:"accountId"`
		OldState     *string            `json:"oldState"`
		NewState     string             `json:"newState"`
		Created      *map[string]any    `json:"created"`
		Updated      *map[string]any    `json:"updated"`
		Destroyed    *[]string          `json:"destroyed"`
		NotCreated   *map[string]*Error `json:"notCreated"`
		NotUpdated   *map[string]*Error `json:"notUpdated"`
		NotDestroyed *map[string]*Error `json:"notDestroyed"`
	}{r.AccountID, unless(r.OldState == "", r.OldState), r.NewState, unless(len(r.Created) == 0, r.Created), unless(len(r.Updated) == 0, r.Updated),
		unless(len(r.Destroyed) == 0, r.Destroyed), unless(len(r.NotCreated) == 0, r.NotCreated), unless(len(r.NotUpdated) == 0, r.NotUpdated),
		unless(len(r.NotDestroyed) == 0, r.NotDestroyed)})
}

// unless is null where a value is empty.
func unless[T any](empty bool, v T) *T {
	if empty {
		return nil
	}
	return &v
}

// QueryArgs are the arguments of every /query (RFC 8620 5.5).
type QueryArgs struct {
	AccountID      string      `json:"accountId"`
	Filter         ijson.Value `json:"filter"`
	Sort           []SortBy    `json:"sort"`
	Position       int64       `json:"position"`
	Anchor         *string     `json:"anchor"`
	AnchorOffset   int64       `json:"anchorOffset"`
	Limit          *uint64     `json:"limit"`
	CalculateTotal bool        `json:"calculateTotal"`
}

// SortBy is a comparator.
type SortBy struct {
	Property    string `json:"property"`
	IsAscending *bool  `json:"isAscending"` // nil: true
	Collation   string `json:"collation"`
	Keyword     string `json:"keyword"` // RFC 8621 4.4.2
}

// QueryResponse is the response of a /query.
type QueryResponse struct {
	AccountID           string   `json:"accountId"`
	QueryState          string   `json:"queryState"`
	CanCalculateChanges bool     `json:"canCalculateChanges"`
	Position            uint64   `json:"position"`
	IDs                 []string `json:"ids"`
	Total               *uint64  `json:"total,omitempty"`
	Limit               *uint64  `json:"limit,omitempty"`
}

// QueryChangesArgs are the arguments of every /queryChanges (RFC 8620 5.6).
type QueryChangesArgs struct {
	AccountID       string      `json:"accountId"`
	Filter          ijson.Value `json:"filter"`
	Sort            []SortBy    `json:"sort"`
	SinceQueryState string      `json:"sinceQueryState"`
	MaxChanges      *uint64     `json:"maxChanges"`
	UpToID          *string     `json:"upToId"`
	CalculateTotal  bool        `json:"calculateTotal"`
}

// QueryChangesResponse is its response.
type QueryChangesResponse struct {
	AccountID     string   `json:"accountId"`
	OldQueryState string   `json:"oldQueryState"`
	NewQueryState string   `json:"newQueryState"`
	Total         *uint64  `json:"total,omitempty"`
	Removed       []string `json:"removed"`
	Added         []Added  `json:"added"`
}

// Added is an id that has come into a query's results, and where.
type Added struct {
	ID    string `json:"id"`
	Index uint64 `json:"index"`
}
