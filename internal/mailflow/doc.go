// Package mailflow is the path of a mail. Its folders are the steps, in the order in which a message meets them:
//
//	inbound     mail from other hosts: who is it for, do we take it; then one commit
//	submission  mail from our users: may they send it so, complete and sign it; then one commit
//	forwarding  what must go on, to other servers and members of groups: called by inbound, inside its commit
//	delivery    into local mailboxes: called by the two above, inside their commit
//	queue       when and how often spooled mail is tried, and by which node
//	outbound    to other domains, over SMTP
//	tracking    what becomes of it after that: reports that come back, recipients here who open it
//	snoozing    mail that is out of sight until a time, and comes back
//	tlspolicy   what TLS their hosts must prove, asked by outbound; counts what came of it
//	reporting   tells their domains of that, once a day
//
// The steps do not import each other. What they hand on are the types of this package, and a step that calls another
// does so through an interface that it declares itself.
package mailflow
