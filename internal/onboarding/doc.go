// Package onboarding helps a person to a mail server that works: which DNS records its domains need, what is wrong with the machine,
// the network and the DNS and how to mend it, and the files of a new server.
//
// It decides nothing about mail and keeps nothing. What it looks at is handed in, so that tests can play every fault. All of it is
// for people: a finding says what was seen, what it means for them, and what to do.
package onboarding
