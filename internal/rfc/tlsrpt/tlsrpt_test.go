package tlsrpt

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseRecord(t *testing.T) {
	tests := map[string]struct {
		txt  []string
		want string // URIs, joined
		fail bool
	}{
		"mail":             {[]string{"v=TLSRPTv1;rua=mailto:reports@example.com"}, "mailto:reports@example.com", false},
		"web":              {[]string{"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"}, "https://reporting.example.com/v1/tlsrpt", false},
		"both":             {[]string{"v=TLSRPTv1; rua=mailto:a@b.example, https://c.example/d; x=y"}, "mailto:a@b.example https://c.example/d", false},
		"among others":     {[]string{"v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@b"}, "mailto:a@b", false},
		"none":             {[]string{"v=spf1 -all", "v=TLSRPTv11; rua=mailto:a@b"}, "", false},
		"two":              {[]string{"v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:c@d"}, "", true},
		"no address":       {[]string{"v=TLSRPTv1; x=y"}, "", true},
		"unknown scheme":   {[]string{"v=TLSRPTv1; rua=http://a.example,ftp://b,mailto:,https://"}, "", true},
		"unreadable":       {[]string{"v=TLSRPTv1; rua=https://%zz"}, "", true},
		"too many":         {[]string{"v=TLSRPTv1; rua=" + strings.Repeat("mailto:a@b,", 9)}, strings.TrimSpace(strings.Repeat("mailto:a@b ", MaxAddresses)), false},
		"comma in escapes": {[]string{"v=TLSRPTv1; rua=mailto:a%2Cb@c"}, "mailto:a%2Cb@c", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := ParseRecord(tt.txt)
			var got []string
			for _, u := range found {
				got = append(got, u.String())
			}
			if strings.Join(got, " ") != tt.want || (err != nil) != tt.fail {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// A report bears the names of RFC 8460 4.4, and what was written can be read.
func TestReport(t *testing.T) {
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	r := Report{Organization: "Example", Range: Range{day, day.Add(24*time.Hour - time.Second)}, Contact: "postmaster@example.org", ID: "1",
		Policies: []Policy{{Applied{STS, []string{"version: STSv1", "mode: testing"}, "b.example", []string{"*.b.example"}}, Summary{5326, 303},
			[]Failure{{Expired, "2001:db8::1", "mx1.b.example", "203.0.113.56", 100, ""}}}}}
	var packed bytes.Buffer
	if err := r.Compress(&packed); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var names map[string]any
	if err := json.NewDecoder(z).Decode(&names); err != nil {
		t.Fatal(err)
	}
	policy := names["policies"].([]any)[0].(map[string]any)
	failure := policy["failure-details"].([]any)[0].(map[string]any)
	if names["date-range"].(map[string]any)["start-datetime"] != "2026-11-21T00:00:00Z" || policy["policy"].(map[string]any)["policy-type"] != "sts" ||
		policy["summary"].(map[string]any)["total-failure-session-count"] != 303.0 || failure["result-type"] != "certificate-expired" {
		t.Errorf("written is %v", names)
	}
	if again, err := Read(&packed); err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("%+v, %v", again, err)
	}
	if name := r.Filename("example.org", "b.example"); name != "example.org!b.example!1795219200!1795305599.json.gz" {
		t.Error(name)
	}
}

func TestReadIsBounded(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range MaxReport>>20 + 1 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	if _, err := Read(&bomb); err == nil || !strings.Contains(err.Error(), "over") {
		t.Error(err)
	}
	if _, err := Read(strings.NewReader("{}")); err == nil {
		t.Error("no gzip, and read")
	}
}
