package node

import (
	"reflect"
	"testing"
)

// A meter that is named and not made would end the server when it is first used.
func TestEveryMeterIsMade(t *testing.T) {
	m := reflect.ValueOf(newMeters()).Elem()
	for i := range m.NumField() {
		if m.Field(i).IsZero() {
			t.Errorf("%s is not made", m.Type().Field(i).Name)
		}
	}
}
