package cluster

import (
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	tests := []struct {
		name    string
		subject string
		payload int
		want    bool
	}{
		{"one part", "state", 16, true},
		{"parts", "account.state-v1.X_9", 0, true},
		{"empty", "", 0, false},
		{"dot in front", ".a", 0, false},
		{"dot at the end", "a.", 0, false},
		{"empty part", "a..b", 0, false},
		{"wildcard", "a.*", 0, false},
		{"space", "a b", 0, false},
		{"not ASCII", "ä", 0, false},
		{"longest subject", strings.Repeat("a", MaxSubject), 0, true},
		{"subject too long", strings.Repeat("a", MaxSubject+1), 0, false},
		{"largest payload", "a", MaxPayload, true},
		{"payload too large", "a", MaxPayload + 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Valid(tt.subject, make([]byte, tt.payload)); got != tt.want {
				t.Errorf("Valid(%q, %d bytes) = %v", tt.subject, tt.payload, got)
			}
		})
	}
}
