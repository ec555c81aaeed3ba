package imapserver

// partialExtension is RFC 9394: an option of imap.SearchReturn, see named and Encoder.ESearch, and a modifier of imap.Fetch.
func partialExtension() extension { return extension{capabilities: announced("PARTIAL")} }
