package imapserver

import (
	"errors"
	"github.com/mailmesh/mailmesh/internal/finding"
	"io"
	"math"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/imapurl"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func catenateExtension() extension {
	return extension{capabilities: announced("CATENATE", "URL-PARTIAL")}
}

// parts reads the octets of a message that arrives, one part after the other: literals from the connection, and what URLs name
// from the store (RFC 4469). It holds one part open and none in memory.
type parts struct {
	*arrival
	message *imap.AppendMessage
	size    int64     // of the parts so far, with the one that is open
	now     io.Reader // the one that is open, nil before and behind
	from    *source   // of now, when a URL names it
}

func (p *parts) Read(b []byte) (int, error) {
	for {
		if p.now == nil {
			if err := p.next(); err != nil {
				return 0, err
			}
		}
		n, err := p.now.Read(b)
		if err == io.EOF {
			p.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (p *parts) close() {
	if p.from != nil {
		p.from.close()
	}
	p.now, p.from = nil, nil
}

// next opens the next part; io.EOF says that there is none.
func (p *parts) next() error {
	part, err := p.message.Next()
	if err != nil {
		return err
	}
	if part.URL != "" {
		return p.open(part.URL)
	}
	if part.Size == 0 && !p.message.Catenate {
		return errEmpty // it is never sent
	}
	if p.size += part.Size; p.size < 0 {
		p.size = math.MaxInt64
	}
	if err := p.admit(p.size); err != nil {
		return err
	}
	p.now, err = part.Open()
	return err
}

// open opens what a URL names. RFC 4469 4: where that is nothing, the client is told which URL it was.
func (p *parts) open(text string) error {
	base, err := p.base(text)
	if err != nil {
		return err
	}
	u, err := imapurl.Parse(text, base)
	if err == nil {
		err = p.reaches(u.Server)
	}
	if err != nil {
		return refuse(imap.CodeBadURL(text), cause(err))
	}
	octets, err := p.find(u)
	if mail.Is(err, mail.NotFound) {
		return refuse(imap.CodeBadURL(text), cause(err))
	}
	if err != nil {
		return err
	}
	p.size += octets.size
	if err := p.admit(p.size); err != nil {
		return err
	}
	p.now = octets.r
	return nil
}

// base is what a URL is relative to: the selected mailbox, if there is one.
func (p *parts) base(url string) (string, error) {
	if p.selected == nil || strings.HasPrefix(url, "/") {
		return "", nil
	}
	name, err := p.selectedName()
	return imapurl.Base(name, p.selected.view.Status().UIDValidity), err
}

var (
	errElsewhere = errors.New("the URL leads to another server, or to another user")
	errValidity  = mail.E("imapserver.catenate", mail.NotFound, errors.New("the mailbox has another UIDVALIDITY"))
	errNoMessage = mail.E("imapserver.catenate", mail.NotFound, errors.New("there is no such message"))
	errNoPart    = mail.E("imapserver.catenate", mail.NotFound, errors.New("the message has no such part"))
)

// reaches refuses what is not this server, or not who has signed in.
func (p *parts) reaches(s *imapurl.Server) error {
	if s == nil {
		return nil
	}
	ours := strings.EqualFold(s.Host, p.o.Hostname) && (s.Port == 0 || s.Port == int(listen.Local(p.wire.NetConn()).Port()))
	if !ours || s.User != "" && !strings.EqualFold(s.User, p.signIn.Login()) {
		return errElsewhere
	}
	return nil
}

// find returns the octets that a URL names, and keeps their source open.
func (p *parts) find(u imapurl.URL) (*part, error) {
	row, owner, err := p.emailAt(u)
	if err != nil {
		return nil, err
	}
	p.from = &source{row: row}
	if p.from.content, err = p.o.Bodies.Open(p.ctx, owner, row.Blob); err != nil {
		return nil, err
	}
	item := imap.FetchItem{Kind: imap.FetchBodySection, Section: u.Section, Partial: u.Partial}
	if !isWhole(item) {
		if p.from.root, err = message.UnmarshalStructure(row.Summary); err != nil {
			return nil, err
		}
	}
	octets, err := p.from.section(item)
	if err == nil && octets.missing {
		err = errNoPart
	}
	return octets, err
}

// emailAt returns the message that a URL names, and whose it is. The client may read the mailbox, or the URL leads nowhere.
func (p *parts) emailAt(u imapurl.URL) (*mailbox.Email, mail.AccountID, error) {
	m, err := p.session.find(u.Mailbox, mail.RightRead)
	if mail.Is(err, mail.Denied) {
		err = errNotThere
	}
	if err != nil {
		return nil, 0, err
	}
	if u.UIDValidity != 0 && u.UIDValidity != m.UIDValidity {
		return nil, 0, errValidity
	}
	view, err := p.o.Mailbox.View(p.ctx, m.owner, m.ID)
	if err != nil {
		return nil, 0, err
	}
	entry, seq := view.Find(u.UID)
	if seq == 0 {
		return nil, 0, errNoMessage
	}
	var rows finding.Rows
	if _, err := p.readRows(m.owner, []position{{uint32(seq), entry}}, &rows); err != nil {
		return nil, 0, err
	}
	if rows.Of(0) == nil {
		return nil, 0, errNoMessage
	}
	return rows.Of(0), m.owner, nil
}
