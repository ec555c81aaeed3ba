package jmap

// Some is a pointer to a value, for arguments that may be left out.
func Some[T any](v T) *T { return &v }

// Get are the arguments of a /get (RFC 8620 5.1). With neither IDs nor IDsOf all objects are asked for, where the type allows it.
type Get struct {
	AccountID  ID       `json:"accountId"`
	IDs        []ID     `json:"ids,omitzero"` // empty, but not nil: none
	IDsOf      *Ref     `json:"#ids,omitempty"`
	Properties []string `json:"properties,omitempty"`
}

// GetResponse is its response.
type GetResponse[T any] struct {
	AccountID ID     `json:"accountId"`
	State     string `json:"state"`
	List      []T    `json:"list"`
	NotFound  []ID   `json:"notFound"`
}

// Changes are the arguments of a /changes (RFC 8620 5.2).
type Changes struct {
	AccountID  ID     `json:"accountId"`
	SinceState string `json:"sinceState"`
	MaxChanges int    `json:"maxChanges,omitempty"`
}

// ChangesResponse is its response.
type ChangesResponse struct {
	AccountID         ID       `json:"accountId"`
	OldState          string   `json:"oldState"`
	NewState          string   `json:"newState"`
	HasMoreChanges    bool     `json:"hasMoreChanges"`
	Created           []ID     `json:"created"`
	Updated           []ID     `json:"updated"`
	Destroyed         []ID     `json:"destroyed"`
	UpdatedProperties []string `json:"updatedProperties"` // of Mailbox/changes: nil for unknown
}

// Patch says what is to change of an object: paths of properties and their new values (RFC 8620 5.3).
type Patch map[string]any

// Set are the arguments of a /set (RFC 8620 5.3).
type Set struct {
	AccountID ID             `json:"accountId"`
	IfInState string         `json:"ifInState,omitempty"`
	Create    map[string]any `json:"create,omitempty"`
	Update    map[ID]Patch   `json:"update,omitempty"`
	Destroy   []ID           `json:"destroy,omitempty"`
	DestroyOf *Ref           `json:"#destroy,omitempty"`

	OnDestroyRemoveEmails bool         `json:"onDestroyRemoveEmails,omitempty"` // Mailbox/set
	OnSuccessUpdateEmail  map[ID]Patch `json:"onSuccessUpdateEmail,omitempty"`  // EmailSubmission/set
	OnSuccessDestroyEmail []ID         `json:"onSuccessDestroyEmail,omitempty"` // EmailSubmission/set
}

// SetResponse is its response. T is the type of the objects: of what was created or updated it has what the server set.
type SetResponse[T any] struct {
	AccountID    ID                   `json:"accountId"`
	OldState     string               `json:"oldState"`
	NewState     string               `json:"newState"`
	Created      map[string]T         `json:"created"`
	Updated      map[ID]*T            `json:"updated"`
	Destroyed    []ID                 `json:"destroyed"`
	NotCreated   map[string]*SetError `json:"notCreated"`
	NotUpdated   map[ID]*SetError     `json:"notUpdated"`
	NotDestroyed map[ID]*SetError     `json:"notDestroyed"`
}

// Err is one of the errors in the response, nil where everything was done.
func (r *SetResponse[T]) Err() error {
	for _, e := range r.NotCreated {
		return e
	}
	for _, e := range r.NotUpdated {
		return e
	}
	for _, e := range r.NotDestroyed {
		return e
	}
	return nil
}

// Query are the arguments of a /query (RFC 8620 5.5).
type Query struct {
	AccountID       ID     `json:"accountId"`
	Filter          any    `json:"filter,omitempty"`
	Sort            []Sort `json:"sort,omitempty"`
	Position        int    `json:"position,omitempty"`
	Anchor          ID     `json:"anchor,omitempty"`
	AnchorOffset    int    `json:"anchorOffset,omitempty"`
	Limit           *int   `json:"limit,omitempty"`
	CalculateTotal  bool   `json:"calculateTotal,omitempty"`
	CollapseThreads bool   `json:"collapseThreads,omitempty"` // Email/query
}

// Sort is one comparator.
type Sort struct {
	Property  string `json:"property"`
	Ascending *bool  `json:"isAscending,omitempty"` // nil: true
	Collation string `json:"collation,omitempty"`
	Keyword   string `json:"keyword,omitempty"`
}

// QueryResponse is the response of a /query.
type QueryResponse struct {
	AccountID           ID     `json:"accountId"`
	QueryState          string `json:"queryState"`
	CanCalculateChanges bool   `json:"canCalculateChanges"`
	Position            int    `json:"position"`
	IDs                 []ID   `json:"ids"`
	Total               *int   `json:"total"`
	Limit               *int   `json:"limit"`
}

// QueryChanges are the arguments of a /queryChanges (RFC 8620 5.6).
type QueryChanges struct {
	AccountID       ID     `json:"accountId"`
	Filter          any    `json:"filter,omitempty"`
	Sort            []Sort `json:"sort,omitempty"`
	SinceQueryState string `json:"sinceQueryState"`
	MaxChanges      int    `json:"maxChanges,omitempty"`
	UpToID          ID     `json:"upToId,omitempty"`
	CalculateTotal  bool   `json:"calculateTotal,omitempty"`
	CollapseThreads bool   `json:"collapseThreads,omitempty"` // Email/queryChanges
}

// QueryChangesResponse is its response.
type QueryChangesResponse struct {
	AccountID     ID     `json:"accountId"`
	OldQueryState string `json:"oldQueryState"`
	NewQueryState string `json:"newQueryState"`
	Total         *int   `json:"total"`
	Removed       []ID   `json:"removed"`
	Added         []struct {
		ID    ID  `json:"id"`
		Index int `json:"index"`
	} `json:"added"`
}

// Apply makes of the ids of a query before the changes those after it (RFC 8620 5.6).
func (r *QueryChangesResponse) Apply(ids []ID) []ID {
	gone := make(map[ID]bool, len(r.Removed))
	for _, id := range r.Removed {
		gone[id] = true
	}
	var out []ID
	for _, id := range ids {
		if !gone[id] {
			out = append(out, id)
		}
	}
	for _, a := range r.Added {
		at := min(a.Index, len(out))
		out = append(out[:at], append([]ID{a.ID}, out[at:]...)...)
	}
	return out
}

// All says that every one of the conditions must hold, Any that one must, None that none may (RFC 8620 5.5).
func All(conditions ...any) any  { return operator{"AND", conditions} }
func Any(conditions ...any) any  { return operator{"OR", conditions} }
func None(conditions ...any) any { return operator{"NOT", conditions} }

type operator struct {
	Operator   string `json:"operator"`
	Conditions []any  `json:"conditions"`
}
