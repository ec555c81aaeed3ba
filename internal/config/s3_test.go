package config

import (
	"strings"
	"testing"
)

func TestS3(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want S3
	}{
		{"s3://mail", S3{Endpoint: "s3.us-east-1.amazonaws.com", Secure: true, Region: "us-east-1", Bucket: "mail"}},
		{"s3://mail/?region=eu-central-1", S3{Endpoint: "s3.eu-central-1.amazonaws.com", Secure: true, Region: "eu-central-1", Bucket: "mail"}},
		{"s3://key:se%2Fcret@mail/a/b/?endpoint=https://s3.example:9000", S3{Endpoint: "s3.example:9000", Secure: true, Region: "us-east-1", Bucket: "mail", Prefix: "a/b/", AccessKey: "key", SecretKey: "se/cret"}},
		{"s3://mail?endpoint=http%3A%2F%2F127.0.0.1%3A7070/&region=x", S3{Endpoint: "127.0.0.1:7070", Region: "x", Bucket: "mail"}},
	} {
		got, err := ParseS3(tt.url)
		if err != nil || *got != tt.want {
			t.Errorf("%s is %+v, %v; want %+v", tt.url, got, err, tt.want)
		}
	}
	if got, err := (Bodies{}).S3(); got != nil || err != nil {
		t.Errorf("no store is %v, %v", got, err)
	}
}

func TestS3Faults(t *testing.T) {
	for url, want := range map[string]string{
		"https://topsecret@mail":                                   "is not a URL s3://",
		"s3://topsecret@mail":                                      "a key without a secret",
		"s3://k:topsecret@Mail":                                    `"Mail" is not the name of a bucket`,
		"s3://k:topsecret@mail/a//b":                               "an empty part",
		"s3://k:topsecret@mail?end=x":                              `"end" is not known after the question mark`,
		"s3://k:topsecret@mail?endpoint=s3.example":                "endpoint is not https://host:port",
		"s3://k:topsecret@mail?endpoint=https://a/b":               "endpoint is not https://host:port",
		"s3://k:topsecret@mail?endpoint=https://topsecret@b":       "endpoint is not https://host:port",
		"s3://k:topsecret@mail/" + strings.Repeat("topsecret", 99): "longer than 512 bytes",
	} {
		_, err := ParseS3(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v; want it to say %q and no secret", url, err, want)
		}
	}
}
