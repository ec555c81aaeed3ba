package onboarding

import (
	"path/filepath"
	"strings"
)

// Service unit of systemd.
type Unit struct {
	Program    string // path of the binary
	ConfigFile string
	Data       string // folder
	User       string
}

// stateFolder is where systemd makes the folders of services.
const stateFolder = "/var/lib"

func (u Unit) String() string {
	folder := "ReadWritePaths=" + u.Data
	if filepath.Dir(u.Data) == stateFolder {
		folder = "StateDirectory=" + filepath.Base(u.Data) + "\nStateDirectoryMode=0700"
	}
	home := "ProtectHome=yes\n"
	for _, path := range []string{u.Program, u.ConfigFile, u.Data} {
		if strings.HasPrefix(path, "/home/") || strings.HasPrefix(path, "/root/") {
			home = ""
		}
	}
	return `[Unit]
Description=Mailmesh mail server
Documentation=https://github.com/mailmesh/mailmesh
After=network-online.target
Wants=network-online.target

[Service]
User=` + u.User + `
ExecStart=` + u.Program + ` serve --config ` + u.ConfigFile + `
` + folder + `
# Ports below 1024 without being root.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
` + home + `PrivateTmp=yes
PrivateDevices=yes
LimitNOFILE=65536
Restart=on-failure
# Goodbyes are spread over 10 seconds in a cluster, then sessions get up to 30 to finish what they are at.
TimeoutStopSec=75

[Install]
WantedBy=multi-user.target
`
}
