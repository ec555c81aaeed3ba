package jmap

// Capabilities by their URIs, as "using" and the session name them.
const (
	Core             = "urn:ietf:params:jmap:core"             // RFC 8620
	Mail             = "urn:ietf:params:jmap:mail"             // RFC 8621
	Submission       = "urn:ietf:params:jmap:submission"       // RFC 8621
	VacationResponse = "urn:ietf:params:jmap:vacationresponse" // RFC 8621
	WebSocket        = "urn:ietf:params:jmap:websocket"        // RFC 8887
	MDN              = "urn:ietf:params:jmap:mdn"              // RFC 9007
	Blob             = "urn:ietf:params:jmap:blob"             // RFC 9404
	Quota            = "urn:ietf:params:jmap:quota"            // RFC 9425
	Principals       = "urn:ietf:params:jmap:principals"       // RFC 9670
	PrincipalsOwner  = "urn:ietf:params:jmap:principals:owner" // RFC 9670
	VAPID            = "urn:ietf:params:jmap:webpush-vapid"    // RFC 9749

	// Mailmesh's own: docs/jmap.md.
	Live          = "https://mailmesh.org/jmap/live"          // docs/jmap-live.md
	Notifications = "https://mailmesh.org/jmap/notifications" // docs/jmap-notifications.md
	Sessions      = "https://mailmesh.org/jmap/sessions"      // docs/jmap-sessions.md
	Snoozing      = "https://mailmesh.org/jmap/snooze"        // docs/jmap-snooze.md
	Unsubscribing = "https://mailmesh.org/jmap/unsubscribe"   // docs/jmap-mail.md
	Pictures      = "https://mailmesh.org/jmap/pictures"      // docs/jmap-mail.md
)
