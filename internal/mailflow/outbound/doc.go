// Package outbound hands mail to other hosts over SMTP: it is the mailflow.Transport for every domain that is not ours.
package outbound
