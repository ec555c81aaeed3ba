package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/onboarding"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

// QuickstartRequest asks for a server with one account.
type QuickstartRequest struct {
	Address    string // of the account
	Hostname   string // "": mail. and the domain
	ConfigFile string // is made where there is none
	Data       string // folder, where there is no configuration yet
	Environ    []string
	Password   func() (string, error) // asked when the account is to be made
	Prepare    func(cfg config.Config) error
}

// Quickstarted is what Quickstart has made, and what is still to be done by a person.
type Quickstarted struct {
	Config      config.Config
	Domain      string
	Account     string
	MadeConfig  bool
	MadeDomain  bool
	MadeAccount bool
	Records     []DNSRecord
	Web         string // where the web client is
}

// Quickstart makes the configuration, the domain and the account of a new server. What is there already stays as it is, so
// that it can be run again.
func Quickstart(ctx context.Context, r QuickstartRequest, log *slog.Logger) (q Quickstarted, err error) {
	address, err := directory.ParseAddress(r.Address)
	if err != nil {
		return q, err
	}
	if !strings.Contains(address.Domain, ".") { // what stands in no DNS gets no mail and no certificate
		return q, fmt.Errorf("%s is not the full name of a domain: give an address like you@example.org", address.Domain)
	}
	q.Domain, q.Account = address.Domain, address.String()
	if q.MadeConfig, err = writeConfig(r, address.Domain); err != nil {
		return q, err
	}
	if q.Config, err = config.Load(r.ConfigFile, r.Environ); err != nil {
		return q, err
	}
	if r.Hostname != "" && r.Hostname != q.Config.Hostname {
		return q, fmt.Errorf("%s says hostname = %q: change it there, or leave --hostname out", r.ConfigFile, q.Config.Hostname)
	}
	q.Web = webURL(q.Config)
	if err := os.MkdirAll(q.Config.Data, 0o700); err != nil {
		return q, fmt.Errorf("make the data folder: %w", err)
	}
	if err := r.Prepare(q.Config); err != nil {
		return q, err
	}
	admin, done, err := OpenAdmin(ctx, q.Config, log)
	if err != nil {
		return q, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := q.populate(ctx, admin, r.Password); err != nil {
		return q, err
	}
	q.Records, err = admin.DNS(ctx, q.Domain)
	return q, err
}

// populate makes the domain and the account.
func (q *Quickstarted) populate(ctx context.Context, admin *Admin, password func() (string, error)) error {
	_, err := admin.AddDomain(ctx, NewDomain{Name: q.Domain})
	if q.MadeDomain = err == nil; err != nil && !mail.Is(err, mail.Exists) {
		return err
	}
	_, err = admin.Account(ctx, q.Account)
	if !mail.Is(err, mail.NotFound) {
		return err
	}
	n := NewAccount{Address: q.Account}
	if n.Password, err = password(); err == nil {
		_, err = admin.AddAccount(ctx, n)
	}
	q.MadeAccount = err == nil
	return err
}

// writeConfig makes the configuration where there is none.
func writeConfig(r QuickstartRequest, domain string) (made bool, err error) {
	if _, err := os.Stat(r.ConfigFile); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	hostname := r.Hostname
	if hostname == "" {
		hostname = "mail." + domain
	}
	if hostname, err = directory.NormalDomain(hostname); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(filepath.Dir(r.ConfigFile), ".mailmesh-*")
	if err != nil {
		return false, fmt.Errorf("write the configuration: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(config.Starter(hostname, r.Data))
	// The service has a user of its own, who reads it; there are no passwords in it.
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), r.ConfigFile) // unlike a rename, fails where there is a file by now
	}
	if err != nil {
		return false, fmt.Errorf("write the configuration %s: %w", r.ConfigFile, err)
	}
	return true, nil
}

// ServiceUnit is the unit that has systemd run a server.
func ServiceUnit(program, configFile, data, user string) string {
	return onboarding.Unit{Program: program, ConfigFile: configFile, Data: data, User: user}.String()
}
