// Package jmapservertest helps to test JMAP methods.
//
//   - Server are the rooms of doortest with a registry of methods: Call makes one call, Request sends a whole request as text.
//   - Golden plays files: requests, and what must be answered.
//
// # The files
//
// A file is a JSON object:
//
//	{"using": ["urn:..."],                   capabilities; without it all that the registry has
//	 "as": "bob@example.org",                who asks; without it Ann
//	 "steps": [{"calls": [[...]], "responses": [[...]]}, ...]}
//
// In a string of calls "$name" is what a variable holds: "$ann" and "$bob" are the accounts, others are given by the test or were
// met before; a name is of letters and digits. In a response a string that is "$name" alone takes what is there the first
// time, and must be equal from then on; "$*" is any value at all; an object member "...": true lets the object have members besides.
package jmapservertest
