package listen

import (
	"strings"
	"testing"
)

func TestAPortInUseIsExplained(t *testing.T) {
	l, err := TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = TCP(t.Context(), l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "another program holds this port") {
		t.Errorf("got %v", err)
	}
	if _, err := TCP(t.Context(), "nonsense"); err == nil {
		t.Error("listened on nonsense")
	}
}
