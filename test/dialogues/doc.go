// Package dialogues plays protocol dialogues written as text files against a server and compares what it answers. The
// same files run against a server on a net.Pipe, a listening server in memory, or a real process: the caller hands in
// how to connect. They live beside this package, one folder per protocol: smtp/, imap/ ...
//
// # A file
//
//	# Comments begin with a hash. Empty lines mean nothing.
//	c <~ 220 .* ESMTP.*
//	c -> EHLO client.example
//	c <+ 250 .*
//	c -> MAIL FROM:<ann@example.org>
//	c <- 250 2.1.0 sender ok
//	c -> QUIT
//	c <~ 221 2\.0\.0 .*
//	c closed
//
// A step is one line: the connection's name, an operator, and after exactly one space its argument, up to the end of the
// line. Names are lower-case letters and digits; a connection is opened when a name is used first. Several names are
// several connections, in the order the file has them:
//
//	a -> a1 SELECT INBOX
//	b -> b1 APPEND INBOX {${#msg}+}
//
// # Sending
//
//	c -> text      the text and CRLF
//	c ~> text      the text with escapes, nothing added: "\r\n", "\t", "\0", "\\", "\x80". One step is one write,
//	               so pipelining is c ~> RSET\r\nNOOP\r\n
//
// Sending never waits for the server to read. Text is sent as it stands, in UTF-8.
//
// # Expecting
//
//	c <- text      the next line is exactly this
//	c <~ regexp    the next line matches, as a whole. A named group sets a variable: \* (?P<n>\d+) EXISTS
//	c <+ regexp    lines are skipped until one matches as a whole (at most 10,000)
//	c <& regexp    one or more of these in a row: as many lines as there are steps, matching in any order
//	c <= text      the next bytes are exactly this, with the escapes of ~>; for literals and content without lines
//	c closed       the server has closed the connection, nothing is left to read
//
// A line ends with CRLF, and it is an error of the server when it ends otherwise: an LF alone shows up in the text
// compared, and a line that never ends is shown as far as it came. Lines are at most 1 MiB. The whole file must have
// consumed everything the server sent: a line nobody expected is found by the next expecting step, so end with QUIT or
// LOGOUT and closed.
//
// # Doing
//
//	c open imap    opens the connection explicitly, with the named protocol of Options.Dial (the default is "")
//	c => starttls  flushes what was sent, then a TLS handshake as client
//	c => deflate   flushes what was sent; from then on both sides are compressed (RFC 1951)
//	c close        closes our side after what was sent is flushed; the name may be opened again
//	include FILE   plays the steps of another file here, path relative to this one (8 deep at most)
//	set NAME text  sets a variable, with the escapes of ~>
//	do NAME words  calls Options.Do[NAME] with the words after it: what a protocol cannot do or see
//	repeat N STEP  plays the step N times with $i counting from 1
//
// # Variables
//
// $NAME or ${NAME} stands for the variable's text in every argument; ${#NAME} for its length in bytes; ${text*N} for
// the text N times; $$ for a dollar. A dollar before anything else stands for itself, so regular expressions can end
// with one. In a regular expression a variable stands for its text literally. Names are letters, digits and underscore,
// not starting with a digit. Options.Vars gives the first values; an unset one fails the step.
//
// # Failures
//
// A failure names file and line, what was expected and what came, and shows the last lines of that connection.
package dialogues
