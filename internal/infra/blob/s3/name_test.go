package s3

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func TestNames(t *testing.T) {
	p := place{at: 1795362067123, id: 1234, size: 77, crc: 0x9ae0daaf}
	const name = "2026/11/22/154107.123-00000000000004d2-9ae0daaf"
	if p.name() != name {
		t.Errorf("the name is %s, want %s", p.name(), name)
	}
	if got, ok := parseName(name, 77); !ok || got != p {
		t.Errorf("read again: %+v, %t", got, ok)
	}
	for _, other := range []string{"", "-", "a-b-c", "mailmesh", name[:len(name)-1], name + "0", "0" + name, " " + name,
		"2026/11/22/154107.123-00000000000004D2-9ae0daaf", "2026/11/31/154107.123-00000000000004d2-9ae0daaf",
		"2026/11/22/154107.123-80000000000004d2-9ae0daaf", "2026/11/22/154107.123-4d2-9ae0daaf"} {
		if got, ok := parseName(other, 77); ok {
			t.Errorf("%q is read as %+v", other, got)
		}
	}
}

// Whatever a bucket holds is read as a name in one spelling, or not at all, and a name and its Location say the same.
func FuzzName(f *testing.F) {
	f.Add("2026/11/22/154107.123-00000000000004d2-9ae0daaf", int64(77))
	f.Add("0000/01/01/000000.000-0000000000000000-00000000", int64(0))
	f.Fuzz(func(t *testing.T, name string, size int64) {
		p, ok := parseName(name, size)
		if !ok {
			return
		}
		if p.name() != name {
			t.Fatalf("%q is read as %+v, which is %q", name, p, p.name())
		}
		if p.at < 0 {
			return // before 1970: no Location was made for it, and none is found
		}
		if got, err := parseLocation("test", p.location()); err != nil || got != p {
			t.Fatalf("the location of %+v is read as %+v, %v", p, got, err)
		}
	})
}

func FuzzLocation(f *testing.F) {
	f.Add([]byte(place{at: 1795362067123, id: 1234, size: 77, crc: 1}.location()))
	f.Add([]byte{2, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, at []byte) {
		p, err := parseLocation("test", at)
		if err != nil {
			if !mail.Is(err, mail.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if got, ok := parseName(p.name(), p.size); !ok || got != p {
			t.Fatalf("%+v is listed as %+v, %t", p, got, ok)
		}
	})
}
