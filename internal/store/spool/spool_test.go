package spool

import (
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func each(t *testing.T, test func(t *testing.T, s *Store, x *tx.Store)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		test(t, New(Options{}), x)
	})
}

func do(t *testing.T, x *tx.Store, fn func(*tx.Tx) error) {
	t.Helper()
	if err := x.Write(t.Context(), nil, fn); err != nil {
		t.Fatal(err)
	}
}

func envelope(to ...string) mail.Envelope {
	e := mail.Envelope{ID: "t1", ReversePath: mail.Address{Local: "ann", Domain: "example.org"}}
	for _, local := range to {
		e.Recipients = append(e.Recipients, mail.Recipient{Address: mail.Address{Local: local, Domain: "elsewhere.example"}})
	}
	return e
}

func TestAdd(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		e := envelope("bob", "carol")
		e.Recipients[1].Notify = mail.NotifyFailure | mail.NotifyDelay
		held := envelope("dan")
		held.ReversePath = mail.Address{}
		held.HoldUntil = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		blob := mail.BlobID{1, 2, 3}
		var first, second mail.SpoolID
		do(t, x, func(t *tx.Tx) (err error) {
			if first, err = s.Add(t, Message{Blob: blob, Envelope: e}); err == nil {
				second, err = s.Add(t, Message{Blob: blob, Envelope: held})
			}
			return err
		})
		do(t, x, func(tr *tx.Tx) error {
			m, err := s.Message(tr, first)
			if err != nil || m.ID != first || m.Blob != blob || !reflect.DeepEqual(m.Envelope, e) || time.Since(m.Created) > time.Hour {
				t.Errorf("kept is %+v, %v", m, err)
			}
			to, err := s.Recipients(tr, first)
			if err != nil || len(to) != 2 || to[1].Address != e.Recipients[1].Address || to[1].Number != 1 || to[1].Message != first || to[0].Due != m.Created {
				t.Errorf("recipients are %+v, %v", to, err)
			}
			if to, err := s.Recipients(tr, second); err != nil || len(to) != 1 || !to[0].Due.Equal(held.HoldUntil) {
				t.Errorf("held are %+v, %v", to, err)
			}
			if ids, err := s.Messages(tr, 0, 0); err != nil || !slices.Equal(ids, []mail.SpoolID{first, second}) {
				t.Errorf("listed are %v, %v", ids, err)
			}
			if ids, err := s.Messages(tr, first, 1); err != nil || !slices.Equal(ids, []mail.SpoolID{second}) {
				t.Errorf("listed after the first are %v, %v", ids, err)
			}
			if _, err := s.Message(tr, first+1000); !mail.Is(err, mail.NotFound) {
				t.Errorf("a message that is not there: %v", err)
			}
			return s.Holds(tr, func(b mail.BlobID, n int64) error {
				if b != blob || n != 2 {
					t.Errorf("%d messages on %v", n, b)
				}
				return nil
			})
		})
	})
}

func TestAddRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		large, bare := envelope("bob"), envelope("bob")
		bare.ReversePath = mail.Address{Local: "SRS0=x=y=z=a"} // nobody could read it again
		large.EnvID = strings.Repeat("x", MaxEnvelope)
		for _, c := range []struct {
			envelope mail.Envelope
			kind     mail.Kind
		}{
			{envelope(), mail.Limit},
			{envelope(slices.Repeat([]string{"x"}, MaxRecipients+1)...), mail.Limit},
			{large, mail.TooLarge},
			{bare, mail.Invalid},
			{mail.Envelope{Recipients: []mail.Recipient{{Address: mail.Address{Local: "postmaster"}}}}, mail.Invalid},
		} {
			err := x.Write(t.Context(), nil, func(t *tx.Tx) error { _, err := s.Add(t, Message{Envelope: c.envelope}); return err })
			if !mail.Is(err, c.kind) {
				t.Errorf("%d recipients: %v, want %q", len(c.envelope.Recipients), err, c.kind)
			}
		}
		do(t, x, func(t *tx.Tx) error {
			_, err := s.Add(t, Message{Envelope: envelope(slices.Repeat([]string{"x"}, MaxRecipients)...)})
			return err
		})
	})
}

func TestCheck(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		var ids []mail.SpoolID
		do(t, x, func(t *tx.Tx) error {
			ids = nil
			for range 6 {
				id, err := s.Add(t, Message{Envelope: envelope("bob", "carol")})
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return nil
		})
		check := func() (found []mail.SpoolID) {
			do(t, x, func(t *tx.Tx) error {
				found = nil
				return s.Check(t, func(f Finding) { found = append(found, f.Message) })
			})
			slices.Sort(found)
			return found
		}
		if found := check(); len(found) != 0 {
			t.Errorf("found in order: %v", found)
		}
		do(t, x, func(t *tx.Tx) error {
			q := t.SQL()
			q.Queue(`DELETE FROM spool_recipient WHERE spool_id = $1`, ids[0])
			q.Queue(`UPDATE spool_recipient SET address = 'x@y' WHERE spool_id = $1 AND recipient = 1`, ids[1])
			q.Queue(`UPDATE spool_message SET envelope = $2 WHERE id = $1`, ids[2], []byte("{"))
			q.Queue(`UPDATE spool_message SET format = 99 WHERE id = $1`, ids[3])
			q.Queue(`DELETE FROM spool_message WHERE id = $1`, ids[4])
			q.Queue(`UPDATE spool_message SET owed = 1 WHERE id = $1`, ids[5])
			return nil
		})
		if found := check(); !slices.Equal(found, []mail.SpoolID{ids[0], ids[1], ids[2], ids[4], ids[5]}) {
			t.Errorf("found %v of %v", found, ids)
		}
	})
}

func TestEnvelopeFormat(t *testing.T) {
	// What the first version wrote must be read for ever.
	const kept = `{"from":"","to":[{"address":"\"b b\"@x","originalType":"rfc822","original":"o@y","notify":6}],"body":"8BITMIME","ret":"HDRS","by":1000,"byReturn":true,"new":1}`
	decode := func(format int64, raw []byte) (mail.Envelope, error) {
		var m Message
		err := m.decode(format, raw)
		return m.Envelope, err
	}
	e, err := decode(format1, []byte(kept))
	want := mail.Envelope{Body: mail.Body8BitMIME, Ret: mail.RetHeaders, DeliverBy: mail.DeliverBy{Time: time.UnixMilli(1000).UTC(), Return: true},
		Recipients: []mail.Recipient{{Address: mail.Address{Local: "b b", Domain: "x"}, Original: mail.OriginalRecipient{Type: "rfc822", Address: "o@y"}, Notify: mail.NotifySuccess | mail.NotifyFailure}}}
	if err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("read is %+v, %v", e, err)
	}
	if _, err := decode(2, []byte(kept)); !errors.Is(err, ErrFormat) || !mail.Is(err, mail.Unavailable) {
		t.Errorf("an unknown format: %v", err)
	}
	rapid.Check(t, func(t *rapid.T) {
		address := func(label string) mail.Address {
			return mail.Address{Local: rapid.StringMatching(`[ -~éß]{1,10}`).Draw(t, label), Domain: rapid.StringMatching(`[a-z]{1,5}(\.[a-z]{2})?`).Draw(t, label)}
		}
		at := func(label string) time.Time { return fromMillis(rapid.Int64Range(0, 4e12).Draw(t, label)) }
		e := mail.Envelope{
			ReversePath: address("from"), Body: mail.BodyType(rapid.SampledFrom([]string{"", "7BIT", "8BITMIME", "BINARYMIME"}).Draw(t, "body")),
			SMTPUTF8: rapid.Bool().Draw(t, "utf8"), Size: rapid.Int64Min(0).Draw(t, "size"), EnvID: rapid.String().Draw(t, "envid"),
			RequireTLS: rapid.Bool().Draw(t, "tls"), Priority: rapid.IntRange(-9, 9).Draw(t, "priority"), HoldUntil: at("hold"),
			DeliverBy: mail.DeliverBy{Time: at("by"), Return: rapid.Bool().Draw(t, "return"), Trace: rapid.Bool().Draw(t, "trace")},
		}
		for range rapid.IntRange(1, 4).Draw(t, "recipients") {
			e.Recipients = append(e.Recipients, mail.Recipient{Address: address("to"), Notify: mail.Notify(rapid.Uint8().Draw(t, "notify")),
				Original: mail.OriginalRecipient{Type: "utf-8", Address: rapid.String().Draw(t, "original")}})
		}
		m := Message{Envelope: e, Trace: rapid.String().Draw(t, "trace"), Skip: rapid.Int64Min(0).Draw(t, "skip")}
		raw, err := encode(m)
		if err != nil {
			t.Fatal(err)
		}
		var got Message
		if err := got.decode(format1, raw); err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("%+v is read as %+v, %v", m, got, err)
		}
	})
}

// What is leased stays, what is taken back is gone with its message, and another submission is not touched.
func TestTakeBack(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		blob := func(n byte) mail.BlobID { return mail.BlobID{n} }
		var first mail.SpoolID
		do(t, x, func(t *tx.Tx) (err error) {
			for i, m := range []Message{
				{Account: 7, Submission: 1, Envelope: envelope("a", "b")}, {Account: 7, Submission: 1, First: 2, Envelope: envelope("c")},
				{Account: 7, Submission: 2, Envelope: envelope("d")}, {Account: 8, Submission: 3, Envelope: envelope("e")}, {Envelope: envelope("f")},
			} {
				m.Blob = blob(byte(i))
				id, err := s.Add(t, m)
				if err != nil {
					return err
				}
				if i == 0 {
					first = id
				}
			}
			t.SQL().Queue(`UPDATE spool_recipient SET owner = 'n1' WHERE spool_id = $1 AND recipient = 1`, first)
			return nil
		})
		var taken, again, nobodys Taken
		do(t, x, func(t *tx.Tx) (err error) {
			if taken, err = s.TakeBack(t, 7, 1); err == nil {
				again, err = s.TakeBack(t, 7, 1)
			}
			if err == nil {
				nobodys, err = s.TakeBack(t, 0, 0)
			}
			return err
		})
		slices.Sort(taken.Recipients)
		if want := (Taken{[]int{0, 2}, []mail.BlobID{blob(1)}}); !reflect.DeepEqual(taken, want) {
			t.Errorf("taken is %v, want %v", taken, want)
		}
		if len(again.Recipients)+len(again.Blobs)+len(nobodys.Recipients)+len(nobodys.Blobs) > 0 {
			t.Errorf("taken a second time: %v; of mail from elsewhere: %v", again, nobodys)
		}
		do(t, x, func(tr *tx.Tx) error {
			ids, err := s.Messages(tr, 0, 0)
			if len(ids) != 4 {
				t.Errorf("left are %v", ids)
			}
			if m, err := s.Message(tr, first); err != nil || m.Account != 7 || m.Submission != 1 || m.First != 0 {
				t.Errorf("the message is %+v, %v", m, err)
			}
			if to, err := s.Recipients(tr, first); err != nil || len(to) != 1 || to[0].Number != 1 {
				t.Errorf("still owed are %+v, %v", to, err)
			}
			return err
		})
	})
}

// A copy has its own trace fields and the body without what is for mailboxes here.
func TestContent(t *testing.T) {
	const body = "Return-Path: <a@x>\r\nSubject: x\r\n\r\nx\r\n"
	for _, c := range []struct{ trace, want string }{{"", body[20:]}, {"Delivered-To: b@x\r\n", "Delivered-To: b@x\r\n" + body[20:]}} {
		m := Message{Trace: c.trace, Skip: 20, Size: int64(len(c.want))}
		got, err := io.ReadAll(m.Content(strings.NewReader(body)))
		if err != nil || string(got) != c.want {
			t.Errorf("read %q, %v, want %q", got, err, c.want)
		}
	}
}
