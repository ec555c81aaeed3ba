package bodies_test

import (
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// upload holds a body as an upload.
func (r *room) upload(account mail.AccountID, content string, most int64) (id mail.BlobID) {
	r.t.Helper()
	b := r.put(content)
	r.write([]mail.AccountID{account}, func(t *tx.Tx) (err error) {
		id, err = r.HoldUpload(t, account, b, most)
		return err
	})
	return id
}

func (r *room) has(account mail.AccountID, id mail.BlobID) bool {
	r.t.Helper()
	body, err := r.Open(r.t.Context(), account, id)
	if err == nil {
		body.Close()
	}
	return err == nil
}

func (r *room) expire() {
	r.t.Helper()
	if err := r.ExpireUploads(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// An upload lasts a day, longer if it is sent again, and as long as what it becomes a part of.
func TestUploadExpires(t *testing.T) {
	each(t, func(r *room) {
		const most = 100
		once, again, named, other := r.upload(10, "once", most), r.upload(10, "again", most), r.upload(10, "named", most), r.upload(11, "once", most)
		r.write([]mail.AccountID{10}, func(t *tx.Tx) error { return r.HoldAgain(t, 10, named) })
		r.clock.Advance(bodies.UploadKept - time.Minute)
		r.expire()
		if !r.has(10, once) || !r.has(11, other) {
			t.Error("an upload is gone before its time")
		}
		if r.upload(10, "again", most) != again {
			t.Error("sent again, it has another name")
		}
		r.clock.Advance(time.Minute)
		r.expire()
		if r.has(10, once) || r.has(11, other) || !r.has(10, again) || !r.has(10, named) {
			t.Error("not the uploads are gone whose time is over")
		}
		r.clock.Advance(bodies.UploadKept)
		r.expire()
		if r.has(10, again) || !r.has(10, named) {
			t.Error("what was named is gone, or what was not is there")
		}
		r.collect(0)
		if n := r.count(`SELECT count(*) FROM object WHERE state = 0`); n != 1 {
			t.Errorf("%d objects are left, want 1", n)
		}
	})
}

// Uploads of an account that is being moved or removed stay with it, and keep nobody's from their end.
func TestUploadsOfAnAccountThatIsGone(t *testing.T) {
	each(t, func(r *room) {
		gone := r.upload(11, "gone", 100)
		ids := map[mail.AccountID]mail.BlobID{}
		for id := mail.AccountID(12); id < 20; id++ {
			if id > 12 {
				r.addAccount(id)
			}
			ids[id] = r.upload(id, "an upload", 100)
		}
		r.exec(`UPDATE account SET state = 'leaving' WHERE id = 11`)
		r.clock.Advance(bodies.UploadKept)
		r.expire()
		for id, upload := range ids {
			if r.has(id, upload) {
				t.Errorf("the upload of account %v is there after its time", id)
			}
		}
		if !r.has(11, gone) {
			t.Error("the upload of the account that is leaving is gone")
		}
	})
}

// What an account has is found by an upload of the same, and does not expire by it.
func TestUploadOfWhatIsThere(t *testing.T) {
	each(t, func(r *room) {
		held := r.hold(r.put("mail"), 10)[0]
		if r.upload(10, "mail", 100) != held {
			t.Error("it has another name")
		}
		r.clock.Advance(2 * bodies.UploadKept)
		r.expire()
		if !r.has(10, held) {
			t.Error("mail has expired")
		}
		r.release(10, held)
		if r.has(10, held) {
			t.Error("an upload is a hold")
		}
	})
}

// The quota of uploads: the oldest make room.
func TestUploadQuota(t *testing.T) {
	each(t, func(r *room) {
		held := r.hold(r.put("0123456789"), 10)[0]
		var ids []mail.BlobID
		for _, content := range []string{"aaaa", "bbbb", "cccc"} {
			ids = append(ids, r.upload(10, content, 10))
			r.clock.Advance(time.Second)
		}
		if r.has(10, ids[0]) || !r.has(10, ids[1]) || !r.has(10, ids[2]) || !r.has(10, held) {
			t.Error("not the oldest has made room")
		}
		last := r.upload(10, "dddddddddd", 10)
		if r.has(10, ids[2]) || !r.has(10, last) {
			t.Error("the one that has just come is not there")
		}
		b := r.put("eleven bytes")
		err := r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error { _, err := r.HoldUpload(t, 10, b, 10); return err })
		if !mail.Is(err, mail.OverQuota) || !r.has(10, last) {
			t.Errorf("more than may be at all: %v", err)
		}
	})
}
