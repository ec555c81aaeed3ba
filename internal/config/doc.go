// Package config turns one TOML file and the environment into checked options.
//
// Every key has a default that serves everyone, so no file is needed. An unknown key or a bad value is an error that
// names the file, the line, the key and what is accepted. An environment variable MAILMESH_CONFIG_SECTION_KEY overrides the
// key section.key and is checked the same way.
//
// The struct Config is the one list of keys: its tags hold the explanations that Reference prints, and a test holds
// docs/operations/configuration.md equal to it. Only cmd and node import this package; rooms take options of their own.
package config
