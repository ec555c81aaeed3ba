package jmap

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// lenient takes what is no I-JSON but can be read: which servers a program talks to is not for this package to say. Options of the
// Decoder are those of all values within.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// unmarshal reads what a server has sent. A page of emails lies four values deep, each of a type of its own: encoding/json goes over
// the text of each twice or thrice, which costs a client as much as the page costs the server.
func unmarshal(text []byte, into any) error { return json.Unmarshal(text, into, lenient) }
