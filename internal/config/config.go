package config

import (
	"os"
	"time"
)

// Config is the checked configuration. The tags of a field: `toml` its key, `doc` what it means, `accept` which values
// are accepted, in the words an error message uses.
type Config struct {
	Hostname string `toml:"hostname" doc:"The name this server greets with and writes into Received fields. It should resolve to this machine." accept:"a fully qualified domain name, such as mail.example.org"`
	Data     string `toml:"data" doc:"The data folder: database, packs of message bodies, keys, admin socket. Only one running server may use it." accept:"a folder's path; it is created when missing"`
	Database string `toml:"database" doc:"Where rows are kept. Empty: an SQLite file in the data folder." accept:"empty, or a URL postgres://user:password@host:port/name"`

	MasterKey string `toml:"master_key" doc:"Where the key is from that opens the mail. Empty: the file master.key in the data folder, made for a new database. A file that is named here is never made: the nodes of a cluster have one key, so write 32 random bytes into it before the first start. With vault:// it is asked of HashiCorp Vault or OpenBao (key-value store of version 2, over HTTPS; the token is in VAULT_TOKEN or the file that VAULT_TOKEN_FILE names)." accept:"empty, a file's path, or vault://host:port/mount/path#field"`

	Listen   Listen   `toml:"listen" doc:"Where each door listens. An empty list closes a door."`
	TLS      TLS      `toml:"tls" doc:"The certificate, where you bring it yourself. Without one, and without [acme], a self-signed certificate is made in the data folder."`
	ACME     ACME     `toml:"acme" doc:"Certificates from a certificate authority, ordered and renewed by the server itself (RFC 8555)."`
	Limits   Limits   `toml:"limits" doc:"Limits an operator may have a reason to move. All others are fixed and documented with their door."`
	Bodies   Bodies   `toml:"bodies" doc:"How message bodies are kept."`
	Cluster  Cluster  `toml:"cluster" doc:"This node among the others that use one PostgreSQL database (docs/operations/cluster.md)."`
	Outbound Outbound `toml:"outbound" doc:"How mail goes to other domains."`
	Log      Log      `toml:"log" doc:"What is logged, to standard error."`
}

// Listen names the doors.
type Listen struct {
	SMTP        Endpoints `toml:"smtp" doc:"Mail from other hosts, for local domains only (RFC 5321)." accept:"a list of host:port"`
	LMTP        Endpoints `toml:"lmtp" doc:"Mail from a program on this machine or a trusted network (RFC 2033). Not for the internet: whoever reaches it is not asked who they are." accept:"a list of host:port"`
	Submissions Endpoints `toml:"submissions" doc:"Mail from users, with TLS from the start (RFC 8314). They sign in." accept:"a list of host:port"`
	Submission  Endpoints `toml:"submission" doc:"Mail from users, with STARTTLS (RFC 6409). They sign in, after STARTTLS only." accept:"a list of host:port"`
	IMAP        Endpoints `toml:"imap" doc:"IMAP with STARTTLS (RFC 9051). Signing in needs TLS, except from this machine." accept:"a list of host:port"`
	IMAPS       Endpoints `toml:"imaps" doc:"IMAP with TLS from the start (RFC 8314)." accept:"a list of host:port"`
	POP3        Endpoints `toml:"pop3" doc:"POP3 with STLS (RFC 1939, RFC 2595). Signing in needs TLS, except from this machine." accept:"a list of host:port"`
	POP3S       Endpoints `toml:"pop3s" doc:"POP3 with TLS from the start (RFC 8314)." accept:"a list of host:port"`
	HTTP        Endpoints `toml:"http" doc:"HTTP: what a certificate authority asks, settings for mail programs, and the way to HTTPS." accept:"a list of host:port"`
	HTTPS       Endpoints `toml:"https" doc:"HTTPS: JMAP (RFC 8620), settings for mail programs (autoconfig, Autodiscover, .mobileconfig) and the MTA-STS policy of your domains (RFC 8461)." accept:"a list of host:port"`
	Cluster     Endpoints `toml:"cluster" doc:"The other nodes, where database is set: they tell each other what has changed. TLS, with certificates that follow from the master key. Without it a client may learn up to 15 seconds later what others have done on another node." accept:"a list of one host:port, or none"`
	Metrics     Endpoints `toml:"metrics" doc:"HTTP with /metrics (Prometheus), /healthz and /readyz. No sign-in: keep it on this machine or a trusted network." accept:"a list of host:port"`
	Proxies     Networks  `toml:"proxies" doc:"Networks of your load balancers. Every connection from there must begin with a PROXY protocol header (version 2 or 1) that names the client, except to listen.metrics; from elsewhere none is taken." accept:"a list of networks: 192.0.2.16/28, 2001:db8:1::/64"`
}

// Cluster says how this node is one of several.
type Cluster struct {
	Name    string `toml:"name" doc:"What people call this node; a suffix of its own is added at each start. Empty: the name of the machine." accept:"empty, or up to 100 letters, digits, dots and hyphens"`
	Address string `toml:"address" doc:"Where other nodes reach this one, where that is not what it listens on. Empty: the host of listen.cluster, and for all addresses (:9626) the one from which this machine reaches the database." accept:"empty, or host:port"`
}

// TLS names the certificate files.
type TLS struct {
	Certificate string `toml:"certificate" doc:"PEM file with the certificate chain." accept:"empty, or a file's path"`
	Key         string `toml:"key" doc:"PEM file with the private key." accept:"empty, or a file's path; set when tls.certificate is"`
}

// ACME says where certificates are ordered.
type ACME struct {
	Directory string `toml:"directory" doc:"The URL of the authority's directory, such as https://acme-v02.api.letsencrypt.org/directory. Setting it agrees to the authority's terms of service." accept:"empty, or an https:// URL; not together with tls.certificate"`
	DNSServer string `toml:"dns_server" doc:"The name server that takes updates of your domains' zones (RFC 2136). With it, the authority finds its proof in the DNS and needs no way to listen.http." accept:"empty, or host:port"`
	DNSKey    string `toml:"dns_key" doc:"File with the key that signs these updates (TSIG, HMAC-SHA-256), as tsig-keygen writes it." accept:"empty, or a file's path; set when acme.dns_server is"`
}

// Limits are the few limits that differ between operators.
type Limits struct {
	MessageSize Size `toml:"message_size" doc:"The largest message taken, over every door." accept:"a number of bytes from 64 KiB to 1 GiB, with or without a unit: 52428800, \"50MiB\""`
}

// Bodies says how message bodies are kept.
type Bodies struct {
	Store string   `toml:"store" doc:"Where bodies are kept that are larger than bodies.small, in a cluster: a bucket of an S3 service, which every node reaches. Empty: in the data folder, and where database is set, in the database. The key and its secret are named here, or in the environment as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; else they are those of the role that the machine, the container or the pod has." accept:"empty, or a URL s3://key:secret@bucket/prefix?endpoint=https://host:port&region=name, the key, the prefix and what follows them if need be; only together with database"`
	Small Size     `toml:"small" doc:"Up to this size, as they are kept, bodies stay in the database although there is a bodies.store: it costs less than a request to S3. It may be changed at any time; what is kept is found where it is." accept:"a number of bytes up to 1 MiB, with or without a unit: 65536, \"64KiB\""`
	Keep  Duration `toml:"keep" doc:"How long the bytes of a deleted message stay, so that a restored database still finds them. Never less than the time your database backups reach back." accept:"a duration of at least \"1h\": \"36h\", \"15d\""`
}

// Outbound says how mail goes to other domains.
type Outbound struct {
	Smarthost       string   `toml:"smarthost" doc:"A host that takes all mail for other domains; without one, mail goes to the hosts that DNS names. With smtps:// TLS is there from the start, with smtp:// STARTTLS is demanded, except of a host on this machine; either way the certificate must be valid for the host." accept:"empty, or a URL smtps://user:password@host:465 or smtp://user:password@host:587, the user and the port if need be"`
	PrivateNetworks Networks `toml:"private_networks" doc:"Networks of your own whose web servers are fetched from all the same, such as a push service in your house: for push messages, pictures in mail, unsubscribing, policies and reports. Addresses there are taken from strangers, who could so reach what listens in these networks. Without it only servers on the internet are." accept:"a list of networks: 192.168.1.0/24, fd00:1::/64"`
}

// Log says what is logged.
type Log struct {
	Level  Level  `toml:"level" doc:"The least important line that is written." accept:"debug, info, warn or error"`
	Format Format `toml:"format" doc:"How a line is written." accept:"text or json"`
}

// Default returns the configuration of an empty file.
func Default() Config {
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "localhost"
	}
	return Config{
		Hostname: hostname,
		Data:     "data",
		Listen: Listen{
			SMTP:        Endpoints{":25"},
			LMTP:        Endpoints{"127.0.0.1:24"},
			Submissions: Endpoints{":465"},
			Submission:  Endpoints{":587"},
			IMAP:        Endpoints{":143"},
			IMAPS:       Endpoints{":993"},
			POP3:        Endpoints{":110"},
			POP3S:       Endpoints{":995"},
			HTTP:        Endpoints{":80"},
			HTTPS:       Endpoints{":443"},
			Cluster:     Endpoints{":9626"},
			Metrics:     Endpoints{"127.0.0.1:9625"},
		},
		Limits: Limits{MessageSize: 50 << 20},
		Bodies: Bodies{Small: 128 << 10, Keep: Duration(15 * 24 * time.Hour)},
		Log:    Log{Level: "info", Format: "text"},
	}
}
