package jmap

import "encoding/json"

// ID names an object within its account, or an account. "#key" stands for the object that the same request creates as key.
type ID string

// Session is what a server offers to a user (RFC 8620 2).
type Session struct {
	Capabilities    map[string]json.RawMessage `json:"capabilities"`
	Accounts        map[ID]Account             `json:"accounts"`
	PrimaryAccounts map[string]ID              `json:"primaryAccounts"`
	Username        string                     `json:"username"`
	APIURL          string                     `json:"apiUrl"`
	DownloadURL     string                     `json:"downloadUrl"`
	UploadURL       string                     `json:"uploadUrl"`
	EventSourceURL  string                     `json:"eventSourceUrl"`
	State           string                     `json:"state"`
}

// Account is a collection of data that the user may see.
type Account struct {
	Name         string                     `json:"name"`
	IsPersonal   bool                       `json:"isPersonal"`
	IsReadOnly   bool                       `json:"isReadOnly"`
	Capabilities map[string]json.RawMessage `json:"accountCapabilities"`
}

// Primary is the user's own account for a capability, "" for none.
func (s *Session) Primary(capability string) ID { return s.PrimaryAccounts[capability] }

// CoreLimits are the limits of requests (RFC 8620 2).
type CoreLimits struct {
	MaxSizeUpload         int64    `json:"maxSizeUpload"`
	MaxConcurrentUpload   int      `json:"maxConcurrentUpload"`
	MaxSizeRequest        int64    `json:"maxSizeRequest"`
	MaxConcurrentRequests int      `json:"maxConcurrentRequests"`
	MaxCallsInRequest     int      `json:"maxCallsInRequest"`
	MaxObjectsInGet       int      `json:"maxObjectsInGet"`
	MaxObjectsInSet       int      `json:"maxObjectsInSet"`
	CollationAlgorithms   []string `json:"collationAlgorithms"`
}

// Limits reads the server's.
func (s *Session) Limits() (l CoreLimits, err error) {
	err = unmarshal(s.Capabilities[Core], &l)
	return l, err
}

// SocketURL is where the WebSocket is, "" where the server has none (RFC 8887 3).
func (s *Session) SocketURL() string {
	var c struct {
		URL string `json:"url"`
	}
	if unmarshal(s.Capabilities[WebSocket], &c) != nil {
		return ""
	}
	return c.URL
}
