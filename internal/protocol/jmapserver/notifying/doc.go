// Package notifying is the capability https://mailmesh.org/jmap/notifications (docs/jmap-notifications.md): which mail an account
// wants to be notified of (NotificationRules/get and /set), and notifications for clients that are connected.
package notifying
