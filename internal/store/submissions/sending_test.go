package submissions

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func addresses(from, to int) (list []mail.Address) {
	for i := from; i < to; i++ {
		list = append(list, address(fmt.Sprint("to", i)))
	}
	return list
}

func (w *world) charge(account mail.AccountID, to ...mail.Address) error {
	w.t.Helper()
	return w.tx.Write(w.t.Context(), nil, func(t *tx.Tx) error { return w.Charge(t, account, 0, to...) })
}

// pass lets time pass for all budgets.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.do(func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`UPDATE sending SET at = at - $1`, d.Milliseconds())
		return err
	})
}

func (w *world) set(account mail.AccountID, to Sending) {
	w.t.Helper()
	w.do(func(t *tx.Tx) error { return w.SetSending(t, account, to) })
}

// Strangers are those an account never wrote to; budgets are used up, refused with the time to wait, and fill again.
func TestCharge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(7, Sending{MaxRecipients: 24, MaxStrangers: 12})
		for _, c := range []struct {
			to    []mail.Address
			after time.Duration
			want  string // of the refusal
		}{
			{to: addresses(0, 12)},
			{to: addresses(12, 13), want: "12 recipients that it never wrote to before in a day; there is room in 2h"},
			{to: addresses(0, 12)},
			{to: addresses(0, 1), want: "24 recipients in a day; there is room in 1h"},
			{to: addresses(20, 21), after: time.Hour + time.Minute, want: "never wrote to before"},
			{to: addresses(0, 1)},
			{to: addresses(20, 21), after: time.Hour},
			{to: addresses(0, 2), want: "there is room in"},
			{to: addresses(20, 32), after: 2 * Window},
			{to: addresses(0, 25), want: "24 recipients in a day, and these are 25"},
		} {
			w.pass(c.after)
			err := w.charge(7, c.to...)
			if c.want == "" && err != nil || c.want != "" && (!mail.Is(err, mail.Limit) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("to %v: %v, want %q", c.to, err, c.want)
			}
		}
		if err := w.charge(8, addresses(0, 24)...); err != nil {
			t.Errorf("another account: %v", err)
		}
		w.pass(2 * Window)
		w.do(func(t *tx.Tx) error { return w.Charge(t, 7, 20, addresses(40, 44)...) })
		if err := w.charge(7, addresses(0, 1)...); !mail.Is(err, mail.Limit) {
			t.Errorf("recipients here are not counted: %v", err)
		}
	})
}

func TestAllow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		allow := func(recipients, strangers int) (err error) {
			w.do(func(t *tx.Tx) error { err = w.Allow(t, 7, recipients, strangers); return nil })
			return err
		}
		if err := allow(DefaultRecipients, DefaultStrangers); err != nil {
			t.Errorf("the whole budget: %v", err)
		}
		if !mail.Is(allow(DefaultRecipients+1, 0), mail.Limit) || !mail.Is(allow(0, DefaultStrangers+1), mail.Limit) {
			t.Error("more than the budget is allowed")
		}
		w.set(7, Sending{MaxRecipients: NoLimit, MaxStrangers: NoLimit})
		if err := allow(1<<30, 1<<30); err != nil {
			t.Errorf("without a limit: %v", err)
		}
	})
}

func TestKnown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if err := w.charge(7, append(addresses(0, 150), address("TO0"))...); err != nil {
			t.Fatal(err)
		}
		w.do(func(t *tx.Tx) error {
			got, err := w.Known(t, 7, address("to149"), address("x"), address("To149"))
			if !slices.Equal(got, []bool{true, false, true}) {
				w.t.Errorf("known are %v", got)
			}
			other, err2 := w.Known(t, 8, address("to149"))
			if err2 != nil || other[0] {
				w.t.Errorf("another account knows it: %v", err2)
			}
			return err
		})
	})
}

func TestSetSending(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		want := Sending{MaxRecipients: 5, MaxStrangers: NoLimit, SentCopy: true, Undo: 10 * time.Second}
		w.set(7, want)
		if err := w.charge(7, addresses(0, 5)...); err != nil {
			t.Error(err)
		}
		var got, others Sending
		w.do(func(t *tx.Tx) (err error) {
			if got, err = w.Sending(t, 7); err == nil {
				others, err = w.Sending(t, 8)
			}
			return err
		})
		if got != want || others != (Sending{}) {
			t.Errorf("kept is %+v, of another account %+v", got, others)
		}
		w.set(7, Sending{MaxRecipients: 6})
		if err := w.charge(7, addresses(0, 2)...); !mail.Is(err, mail.Limit) {
			t.Errorf("a change forgets what was used: %v", err)
		}
		for _, bad := range []Sending{{MaxRecipients: -2}, {MaxStrangers: maxLimit + 1}, {Undo: -1}, {Undo: maxUndo + 1}} {
			if err := w.tx.Write(t.Context(), accounts, func(t *tx.Tx) error { return w.SetSending(t, 7, bad) }); !mail.Is(err, mail.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}
