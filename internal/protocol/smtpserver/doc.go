// Package smtpserver is the door for mail from other hosts: SMTP on port 25 and LMTP.
package smtpserver
