package jmap

// Signal tells what a person does at this moment. It is pushed to who listens to the type "Signal".
type Signal struct {
	AccountID ID `json:"accountId"`
	From      struct {
		ContactID ID     `json:"contactId"`
		Email     string `json:"email"`
	} `json:"from"`
	State    string  `json:"state"` // composing, paused, reading, gone; online, today, unknown
	ThreadID *ID     `json:"threadId"`
	SentAt   string  `json:"sentAt"`
	Until    *string `json:"until"` // when it is over unless it is said again
}

// Contact is somebody an account knows.
type Contact struct {
	ID               ID      `json:"id,omitempty"`
	Email            string  `json:"email,omitempty"`
	Name             string  `json:"name,omitempty"`
	IsAccepted       bool    `json:"isAccepted,omitempty"`
	IsBlocked        bool    `json:"isBlocked,omitempty"`
	PiercesQuiet     bool    `json:"piercesQuietHours,omitempty"`
	LearnsOfDisplays *string `json:"learnsOfDisplays,omitempty"` // "never", "always"; nil: as LiveSettings have it
	IsKnown          bool    `json:"isKnown,omitempty"`
	DaysWritten      int     `json:"daysWritten,omitempty"`
	LastWritten      *string `json:"lastWritten,omitempty"`
	Created          string  `json:"created,omitempty"`
}

// LiveSettings is what an account lets others see. Its id is "singleton".
type LiveSettings struct {
	ID            ID     `json:"id,omitempty"`
	ShowsPresence bool   `json:"showsPresence"`
	ShowsTyping   bool   `json:"showsTyping"`
	ShowsReading  bool   `json:"showsReading"`
	ShowsDisplays string `json:"showsDisplays"` // "never", "contacts", "always"
}
