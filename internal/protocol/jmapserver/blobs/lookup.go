package blobs

import (
	"context"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// mailCapability is that of the types in which blobs are looked up.
const mailCapability = "urn:ietf:params:jmap:mail"

// lookupTypes are the types that refer to blobs.
var lookupTypes = []string{"Email", "Mailbox", "Thread"}

type lookupArgs struct {
	AccountID string   `json:"accountId"`
	TypeNames []string `json:"typeNames"`
	IDs       []string `json:"ids"`
}

type lookupResponse struct {
	AccountID string     `json:"accountId"`
	List      []blobInfo `json:"list"`
	NotFound  []string   `json:"notFound"`
}

type blobInfo struct {
	ID      string              `json:"id"`
	Matched map[string][]string `json:"matchedIds"`
}

// lookup tells which emails, threads and mailboxes have a blob (RFC 9404 4.3). A part is of the emails that the message is.
func (b *Blobs) lookup(ctx context.Context, c *method.Call) (any, error) {
	var args lookupArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if args.TypeNames == nil || args.IDs == nil {
		return nil, method.Fail(method.InvalidArguments, "typeNames and ids are lists")
	}
	owner, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	for _, name := range args.TypeNames {
		if !method.Known(lookupTypes...)(name) || !c.Uses(mailCapability) {
			return nil, method.Fail("unknownDataType", "blobs are not looked up in %.100q, or the request does not use its capability", name)
		}
	}
	if err := method.CheckGet(len(args.IDs)); err != nil {
		return nil, err
	}
	asked := method.Unique(args.IDs)
	wanted := map[mail.BlobID]map[string][]string{}
	of := map[string]mail.BlobID{}
	for _, id := range asked {
		name, _ := c.Resolve(id)
		if ref, err := method.ParseBlobRef(name); err == nil {
			of[id], wanted[ref.Blob] = ref.Blob, map[string][]string{}
		}
	}
	if err := b.find(ctx, owner, wanted); err != nil {
		return nil, err
	}
	resp := lookupResponse{AccountID: args.AccountID}
	for _, id := range asked {
		found := wanted[of[id]]
		if found == nil {
			resp.NotFound = append(resp.NotFound, id)
			continue
		}
		info := blobInfo{id, map[string][]string{}}
		for _, name := range args.TypeNames {
			info.Matched[name] = method.Unique(found[name])
		}
		resp.List = append(resp.List, info)
	}
	return resp, nil
}

// find fills in where each blob is, and leaves out those that the account has not.
func (b *Blobs) find(ctx context.Context, owner mail.AccountID, wanted map[mail.BlobID]map[string][]string) error {
	return b.o.Tx.Read(ctx, func(t *tx.Tx) error {
		for id := range wanted {
			if _, err := b.o.Bodies.SizeOf(t, owner, id); mail.Is(err, mail.NotFound) {
				delete(wanted, id)
			} else if err != nil {
				return err
			}
		}
		blobs := map[mail.EmailID]mail.BlobID{}
		threads := map[mail.EmailID]mail.ThreadID{}
		var emails []mail.EmailID
		err := b.o.Mailbox.EmailsOf(t, owner, slices.Collect(maps.Keys(wanted)), func(email mail.EmailID, thread mail.ThreadID, blob mail.BlobID) {
			blobs[email], threads[email] = blob, thread
			emails = append(emails, email)
		})
		if err != nil {
			return err
		}
		seen := map[mail.EmailID]bool{}
		return b.o.Mailbox.Located(t, owner, emails, func(l *mailbox.Located) {
			if l.Flags.Bits&mail.Deleted != 0 { // RFC 8621 4.1.1: it is not visible
				return
			}
			in := wanted[blobs[l.Email]]
			if !seen[l.Email] {
				seen[l.Email] = true
				in["Email"] = append(in["Email"], l.Email.String())
				in["Thread"] = append(in["Thread"], threads[l.Email].String())
			}
			in["Mailbox"] = append(in["Mailbox"], l.Mailbox.String())
		})
	})
}
