// Package quotas is the capability urn:ietf:params:jmap:quota (RFC 9425): the limits of an account and what is used of them.
//
// There are at most three quotas: "octets" and "emails" of the emails of the account, each counted once, where a limit is set, and
// "mailboxes". All of them are hard: what would go beyond is refused. They are told to who may see anything in the account.
package quotas
