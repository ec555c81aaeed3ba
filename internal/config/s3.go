package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// S3 is the URL of bodies.store, read.
type S3 struct {
	Endpoint string // host:port
	Secure   bool   // HTTPS
	Region   string
	Bucket   string
	Prefix   string // "" or ends in a slash

	AccessKey, SecretKey string // "" where the URL does not say
}

const (
	defaultRegion   = "us-east-1" // what services that know no regions take
	maxPrefixLength = 512
)

// Names of buckets, as S3 has them.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// S3 reads the store; nil where there is none.
func (b Bodies) S3() (*S3, error) {
	if b.Store == "" {
		return nil, nil
	}
	return ParseS3(b.Store)
}

// ParseS3 reads s3://bucket/prefix?endpoint=https://host:port&region=name, with a key and its secret as user and password where
// need be. Without an endpoint it is Amazon's of the region. What it says is wrong does not repeat the URL, which may hold a secret.
func ParseS3(text string) (*S3, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" {
		return nil, errors.New("is not a URL s3://bucket/prefix?endpoint=https://host:port&region=name")
	}
	p := &S3{Bucket: u.Host, AccessKey: u.User.Username()}
	p.SecretKey, _ = u.User.Password()
	if (p.AccessKey == "") != (p.SecretKey == "") {
		return nil, errors.New("has a key without a secret, or a secret without a key")
	}
	if !bucketName.MatchString(p.Bucket) {
		return nil, fmt.Errorf("%q is not the name of a bucket: 3 to 63 lower case letters, digits, dots and hyphens", p.Bucket)
	}
	if p.Prefix = strings.Trim(u.Path, "/"); p.Prefix != "" {
		p.Prefix += "/"
	}
	if len(p.Prefix) > maxPrefixLength || strings.Contains(p.Prefix, "//") {
		return nil, fmt.Errorf("the prefix is longer than %d bytes, or has an empty part", maxPrefixLength)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("what follows the question mark is not key=value&key=value")
	}
	for key := range query {
		if key != "endpoint" && key != "region" {
			return nil, fmt.Errorf("%q is not known after the question mark; endpoint and region are", key)
		}
	}
	if p.Region = query.Get("region"); p.Region == "" {
		p.Region = defaultRegion
	}
	return p, p.setEndpoint(query.Get("endpoint"))
}

func (p *S3) setEndpoint(text string) error {
	if text == "" {
		p.Endpoint, p.Secure = "s3."+p.Region+".amazonaws.com", true
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return errors.New("endpoint is not https://host:port or http://host:port")
	}
	p.Endpoint, p.Secure = u.Host, u.Scheme == "https"
	return nil
}
