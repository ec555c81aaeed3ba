package imapserver

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

func withinExtension() extension {
	return extension{capabilities: announced("WITHIN"), searchKeys: []searchKey{searchWithin}}
}

// searchWithin counts back from now, to the second, the moment itself included on both sides (RFC 5032 2).
func searchWithin(_ *session, key imap.SearchKey) search.Key {
	k, is := key.(imap.SearchWithin)
	if !is {
		return nil
	}
	then := time.Now().Truncate(time.Second).Add(-time.Duration(k.Seconds) * time.Second)
	if k.Younger {
		return search.Received{From: then}
	}
	return search.Received{To: then}
}
