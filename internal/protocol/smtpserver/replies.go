package smtpserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func reply(code, class, subject, detail int, text string) mail.Reply {
	return mail.Reply{Code: code, Enhanced: mail.EnhancedCode{class, subject, detail}, Text: text}
}

// The replies that do not depend on anything.
var (
	okSender    = reply(250, 2, 1, 0, "sender ok")
	okRecipient = reply(250, 2, 1, 5, "recipient ok")
	okReset     = reply(250, 2, 0, 0, "reset")
	okNoop      = reply(250, 2, 0, 0, "ok")
	okTLS       = reply(220, 2, 0, 0, "begin TLS")
	okBye       = reply(221, 2, 0, 0, "bye")
	cannotVRFY  = reply(252, 2, 5, 0, "addresses are not verified; send the message") // RFC 5321 3.5.3
	startData   = mail.Reply{Code: 354, Text: "end with <CRLF>.<CRLF>"}

	helloFirst      = reply(503, 5, 5, 1, "send EHLO first")
	helloFirstLMTP  = reply(503, 5, 5, 1, "send LHLO first")
	mailFirst       = reply(503, 5, 5, 1, "send MAIL first")
	mailOpen        = reply(503, 5, 5, 1, "a transaction is open; end it or send RSET")
	chunksOpen      = reply(503, 5, 5, 1, "chunks are under way; send BDAT or RSET")
	noRecipients    = reply(503, 5, 5, 1, "no recipient was accepted")
	binaryNeedsBDAT = reply(503, 5, 5, 1, "BODY=BINARYMIME needs BDAT") // RFC 3030 3
	noArgument      = reply(501, 5, 5, 4, "the command takes no argument")
	wantArgument    = reply(501, 5, 5, 4, "the command takes an argument")
	emptyCommand    = reply(500, 5, 5, 2, "the line is empty")
	lineTooLong     = reply(500, 5, 5, 2, "the command line is too long")
	bareLF          = reply(500, 5, 5, 2, "the line ends with LF; lines end with CR LF")
	notImplemented  = reply(502, 5, 5, 1, "the command is not implemented")
	unknownCommand  = reply(500, 5, 5, 1, "the command is not known")
	isHTTP          = reply(500, 5, 5, 1, "this is SMTP, not HTTP")
	useLHLO         = reply(500, 5, 5, 1, "this is LMTP; use LHLO") // RFC 2033 4.1
	useEHLO         = reply(500, 5, 5, 1, "this is not LMTP; use EHLO")
	tlsActive       = reply(503, 5, 5, 1, "TLS is active already")
	tlsNotLast      = reply(503, 5, 5, 1, "nothing may follow STARTTLS before the handshake")

	signInFirst     = reply(530, 5, 7, 0, "sign in first, with AUTH")               // RFC 4954 6
	tlsFirst        = reply(530, 5, 7, 0, "send STARTTLS first, then sign in")      // RFC 3207 4
	needsTLS        = reply(538, 5, 7, 11, "sign in over TLS: send STARTTLS first") // RFC 4954 6
	signedInNow     = reply(235, 2, 7, 0, "signed in")
	signedIn        = reply(503, 5, 5, 1, "you are signed in already") // RFC 4954 4
	notNow          = reply(503, 5, 5, 1, "not in the middle of a message; end it or send RSET")
	noMechanism     = reply(504, 5, 5, 4, "this mechanism is not offered; see the answer to EHLO")
	canceled        = reply(501, 5, 7, 0, "the exchange is cancelled")
	notBase64       = reply(501, 5, 5, 2, "the response is not base64")
	responseTooLong = reply(500, 5, 5, 6, "the response is too long") // RFC 4954 6
	badCredentials  = reply(535, 5, 7, 8, "the name or the password is wrong")
	badMessage      = reply(501, 5, 5, 2, "this cannot be a name and a password")
	accountOff      = reply(535, 5, 7, 13, "this account is switched off")
	signInLost      = reply(535, 5, 7, 8, "this sign-in is no longer good; sign in again")
	signInLater     = reply(454, 4, 7, 0, "too many failed attempts to sign in; try again later")
	signInFailed    = reply(454, 4, 7, 0, "cannot check a password now; try again later")
	tooManySignIns  = reply(421, 4, 7, 0, "too many failed attempts to sign in")

	tooManyRecipients = reply(452, 4, 5, 3, "too many recipients; send the message to the others again")
	tooLarge          = reply(552, 5, 3, 4, "the message is too large")
	bareNewline       = reply(550, 5, 6, 0, "a CR or LF stands alone in the content; lines end with CR LF")
	temporary         = reply(451, 4, 3, 0, "cannot do this now; try again later")

	shutdown           = reply(421, 4, 3, 2, "out of service for a moment; try again later")
	tooManyConnections = reply(421, 4, 3, 2, "too many connections; try again later")
	tooManyFromHost    = reply(421, 4, 7, 0, "too many connections from your address")
	tooManyErrors      = reply(421, 4, 7, 0, "too many errors")
	tooManyCommands    = reply(421, 4, 7, 0, "too many commands without a message")
	idle               = reply(421, 4, 4, 2, "nothing came for too long")
	tooSlow            = reply(421, 4, 4, 2, "the message comes too slowly")
)

// helpReply names the commands that this door has.
func helpReply(o *Options) mail.Reply {
	hello, standard := "EHLO HELO", "RFC 5321"
	switch o.Mode {
	case LMTP:
		hello, standard = "LHLO", "RFC 2033"
	case Submission:
		hello, standard = hello+" AUTH", "RFC 6409"
	}
	commands := hello + " MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"
	if o.TLS != nil {
		commands += " STARTTLS"
	}
	return reply(214, 2, 0, 0, commands+"; see "+standard)
}

// kindReplies is the table of the package doc for errors that are not a mail.Reply.
var kindReplies = map[mail.Kind]mail.Reply{
	mail.NotFound:  reply(550, 5, 1, 1, "no such user here"),
	mail.Denied:    reply(550, 5, 7, 1, "not permitted; this server is no relay"),
	mail.Disabled:  reply(550, 5, 2, 1, "the mailbox is disabled"),
	mail.OverQuota: reply(452, 4, 2, 2, "the mailbox is full"),
	mail.TooLarge:  tooLarge,
	mail.Limit:     tooManyRecipients,
}

// replyTo translates an error of Inbound. expected is false for a fault of ours, whose cause belongs in the log.
func replyTo(ctx context.Context, err error, invalid mail.Reply) (r mail.Reply, expected bool) {
	if errors.As(err, &r) && r.Code >= 400 && r.Code <= 599 {
		return r, true
	}
	kind := mail.KindOf(err)
	if r, ok := kindReplies[kind]; ok {
		return r, true
	}
	if kind == mail.Invalid {
		var e *mail.Error
		if errors.As(err, &e) && e.Err != nil {
			invalid.Text += ": " + e.Err.Error()
		}
		return invalid, true
	}
	if ctx.Err() != nil {
		return shutdown, false
	}
	return temporary, false
}

// signed puts our name first where clients read it: RFC 5321 4.2.2 and 4.3.1 on 220, 221 and 421.
func signed(hostname string, r mail.Reply) mail.Reply {
	if r.Code == 220 && r.Enhanced == (mail.EnhancedCode{}) || r.Code == 221 || r.Code == 421 {
		r.Text = hostname + " " + r.Text
	}
	return r
}

// kept is the reply to content that is kept. It names the id that Received and the log have.
func kept(e *mail.Envelope) mail.Reply {
	return reply(250, 2, 0, 0, "ok: kept as "+e.ID)
}

// outcomeReply is what the client is told of one outcome. A reply that says something else than the status is replaced:
// the client must never take a refusal for a delivery.
func outcomeReply(e *mail.Envelope, o mail.Outcome) mail.Reply {
	class := o.Reply.Code / 100
	if o.Reply.Status() == o.Status && (class == 2 || class == 4 || class == 5) {
		return o.Reply
	}
	switch o.Status {
	case mail.Delivered:
		return kept(e)
	case mail.Refused:
		return reply(554, 5, 0, 0, "the message was refused")
	}
	return temporary
}

// combine makes the one reply of SMTP from the outcomes of all recipients (see Inbound.Receive).
func combine(e *mail.Envelope, outcomes []mail.Outcome) mail.Reply {
	combined := outcomeReply(e, outcomes[0])
	for _, o := range outcomes {
		switch r := outcomeReply(e, o); o.Status {
		case mail.Delivered:
			if combined.Code/100 == 5 {
				combined = r
			}
		case mail.Deferred:
			return r
		}
	}
	return combined
}

// checkOutcomes holds Inbound to its contract: a missing outcome must not become a lost message.
func checkOutcomes(e *mail.Envelope, outcomes []mail.Outcome) error {
	if len(outcomes) != len(e.Recipients) {
		return fmt.Errorf("%d outcomes for %d recipients", len(outcomes), len(e.Recipients))
	}
	for i, o := range outcomes {
		if o.Recipient != e.Recipients[i].Address {
			return fmt.Errorf("outcome %d is for <%s>, the recipient is <%s>", i, o.Recipient, e.Recipients[i].Address)
		}
	}
	return nil
}
