package config

import (
	"fmt"
	"strings"
)

// LetsEncrypt is the directory of the authority that most people use.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Starter is the file of a new server on the standard ports, with comments for whoever changes it.
func Starter(hostname, data string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Mailmesh. Every key has a default: "mailmesh config --reference" explains all of them, "mailmesh config" shows what is in
# effect and where it comes from. A change counts from the next start on.

# The name of this server in the DNS. Other mail servers see it, mail programs connect to it, the certificate is for it.
hostname = %s

# Where everything is kept. Its master.key opens the mail: keep a copy of that in a safe place, apart from backups of the rest.
data = %s

[acme]
# The server orders its certificate and renews it. With this line you agree to the terms of service of Let's Encrypt,
# https://letsencrypt.org/repository/
directory = %s

[outbound]
# Where outgoing port 25 is closed, mail for others goes by way of a host that takes it:
# smarthost = "smtps://user:password@smtp.example.net:465"
# Then this file holds a password. Keep it from others: chown root:mailmesh, and chmod 640.

[listen]
# The standard ports; an empty list closes a door.
`, quote(hostname), quote(data), quote(LetsEncrypt))
	defaults := Default()
	for _, k := range keys() {
		_, isDoor := k.field(&defaults).Interface().(Endpoints)
		if name, ok := strings.CutPrefix(k.name, "listen."); ok && isDoor {
			doc, _, _ := strings.Cut(k.doc, ". ")
			fmt.Fprintf(&b, "# %-36s # %s\n", name+" = "+literal(k.field(&defaults).Interface()), strings.TrimSuffix(doc, "."))
		}
	}
	return b.String()
}
