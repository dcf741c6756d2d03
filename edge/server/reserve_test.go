package server

import (
	"testing"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/spool"
)

// fills gives the world a small spool, and hits until there is no room for one.
func (w *world) fills(b *browser) {
	w.t.Helper()
	small, err := spool.Open(spool.Options{Dir: w.t.TempDir(), MaxBytes: 32 << 10, MinFree: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	before := w.spool
	w.t.Cleanup(func() { _ = before.Close() })
	w.spool, w.read = small, 0
	w.srv.opts.Spool = keeper{small}
	for range 1000 {
		if b.view("https://www.shop.example/", "").status == 503 {
			return
		}
	}
	w.t.Fatal("the spool does not fill up")
}

// TestPolicy_2_4_ANoNeedsNoStore: while the store is away and there is no room for
// hits, people still say no, leave a mailing list, and have erased what is kept:
// answered, and on disk.
func TestPolicy_2_4_ANoNeedsNoStore(t *testing.T) {
	w := newMailWorld(t)
	withdraws, erases, counted := w.browser(), w.browser(), w.browser()
	for _, b := range []*browser{withdraws, erases, counted} {
		b.choose("accept_all")
	}
	w.fills(counted)
	old := withdraws.cookies["kj_consent_shop"]
	withdraws.choose("withdraw")
	if a := erases.do("DELETE", "/v1/me?site=shop", ""); a.status != 202 {
		t.Errorf("an erasure: %d %s", a.status, a.body)
	}
	if a := w.reader().do("POST", w.path(identity.Unsubscribe, newsletter(3)), ""); a.status != 200 {
		t.Errorf("an unsubscription: %d", a.status)
	}
	if a := w.browser().choose("reject_all"); a.status != 200 {
		t.Errorf("a first no: %d", a.status)
	}
	if a := counted.view("https://www.shop.example/", ""); a.status != 503 || !w.spool.Stats().Full {
		t.Errorf("a hit: %d, full %v", a.status, w.spool.Stats().Full)
	}
	withdraws.cookies["kj_consent_shop"] = old
	if a := withdraws.view("https://www.shop.example/", ""); a.result() != "refused; reason=withdrawn" {
		t.Errorf("the old cookie: %q", a.result())
	}
	if !w.srv.opts.Withdrawn.Recipient("shop", 3).Unsubscribed() {
		t.Error("who left is still there")
	}
	var noes, erasures, statements int
	for _, r := range w.records() {
		switch {
		case r.Consent != nil && r.Consent.Method != "accept_all":
			noes++
		case r.Erasure != nil:
			erasures++
		case r.Statement != nil && r.Statement.All == event.Denied:
			statements++
		}
	}
	if noes != 3 || erasures != 1 || statements != 1 {
		t.Errorf("on disk are %d noes, %d erasures, %d unsubscriptions; want 3, 1, 1", noes, erasures, statements)
	}
}
