package method

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func TestBlobRef(t *testing.T) {
	whole := mail.BlobID{1, 2, 3}.String()
	for _, text := range []string{whole, whole + "-1", whole + "-1-20-3", whole + "_M1z", whole + "-2-1_M1z", whole + "-1" + strings.Repeat("-1", 99)} {
		if ref, err := ParseBlobRef(text); err != nil || ref.String() != text || !IsID(text) {
			t.Errorf("%s is %+v, %v", text, ref, err)
		}
	}
	for _, text := range []string{"", "x", whole + "-", whole + "-0", whole + "-01", whole + "-1-", whole + "-1.1", whole + "--1", whole + "-+1", whole + "_",
		whole + "_x", whole + "_M", whole + "_M0", whole + "_M1_M1", whole + "-1_", "_M1", strings.ToUpper(whole), whole + "-1" + strings.Repeat("-1", 100)} {
		if ref, err := ParseBlobRef(text); err == nil {
			t.Errorf("%s is %+v", text, ref)
		}
	}
	ref := BlobRef{Blob: mail.BlobID{1}, Part: []int{1}}
	if got := ref.In(Access{1, 1}, 5).Of([]int{2}); got.String() != ref.Blob.String()+"-1-2" {
		t.Errorf("the owner calls it %v", got)
	}
	if got := ref.In(Access{1, 2}, 5).Of([]int{2}); got.String() != ref.Blob.String()+"-1-2_M5" {
		t.Errorf("another calls it %v", got)
	}
}
