// Package jmap is a client for JMAP (RFC 8620), JMAP for Mail (RFC 8621) and what Mailmesh adds to them. It works with any JMAP server.
//
//	c, err := jmap.Dial(ctx, "https://mail.example.org", jmap.Basic("alice@example.org", password))
//	...
//	var b jmap.Batch
//	found := jmap.Add[jmap.QueryResponse](&b, "Email/query", jmap.Query{
//		AccountID: c.Session.Primary(jmap.Mail),
//		Filter:    jmap.EmailFilter{InMailbox: inbox, NotKeyword: "$seen"},
//		Sort:      []jmap.Sort{{Property: "receivedAt", Ascending: jmap.Some(false)}},
//		Limit:     jmap.Some(50),
//	})
//	emails := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{
//		AccountID: c.Session.Primary(jmap.Mail),
//		IDsOf:     found.Ref("/ids"),
//	})
//	if err := c.Do(ctx, &b); err != nil { ... } // the request as a whole failed
//	if emails.Err != nil { ... }                // this call failed: a *MethodError
//	for _, e := range emails.Value.List { ... }
//
// A Batch is one request: its calls are carried out in order, and a call may take its arguments from the responses of earlier
// ones (Result.Ref). Client.Do sends it over HTTP, Socket.Do over a WebSocket (RFC 8887). Changes come by Client.Listen
// (EventSource) or from a Socket.
//
// Types have the fields of the standards' objects and are used for reading. What is created is any Go value that
// encodes as the object wanted; what is updated is a Patch.
//
// # Limits
//
// A response is read up to Client.MaxResponse bytes, 64 MiB where that is 0. A Client and a Socket may be used by any number of
// goroutines at once.
package jmap
