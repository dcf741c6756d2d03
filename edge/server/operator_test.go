package server

import (
	"slices"
	"testing"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_5_3_OperatorsErasureTakesBackEveryRecord: whoever decided in two tabs
// at once has two records, of which neither follows the other. None counts again
// here, and the ledger tells other nodes of both.
func TestPolicy_5_3_OperatorsErasureTakesBackEveryRecord(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	one := w.browser()
	one.choose("accept_all")
	visitor := one.visitor()
	var given [][16]byte
	for _, r := range w.records() {
		if r.Consent != nil {
			given = append(given, r.Consent.ID)
		}
	}
	given = append(given, [16]byte{7})
	if err := w.srv.EraseVisitor("shop", visitor, given); err != nil {
		t.Fatal(err)
	}
	var back [][16]byte
	tombs := 0
	for _, r := range w.records() {
		switch {
		case r.Erasure != nil && r.Erasure.By == event.ByOperator:
			tombs++
		case r.Consent != nil && r.Consent.Withdraws && r.Consent.Subject == 0:
			back = append(back, r.Consent.Previous)
		}
	}
	if tombs != 1 || !slices.Equal(back, given) {
		t.Errorf("%d tombstones, the ledger takes %v back, want %v", tombs, back, given)
	}
	for _, id := range given {
		if !w.srv.opts.Withdrawn.RecordWithdrawn(id) {
			t.Errorf("record %v still counts", id)
		}
	}
	if a := one.view(landing, ""); a.result() != "refused; reason=withdrawn" {
		t.Errorf("afterwards a view is %q", a.result())
	}
	if err := w.srv.EraseVisitor("shop", visitor, nil); err != nil || slices.ContainsFunc(w.records(), func(r event.Record) bool { return r.Consent != nil }) {
		t.Errorf("without a record: %v, or the ledger tells of one", err)
	}
	if err := w.srv.Withdraw("none", given); err == nil {
		t.Error("records of an unknown site are taken back")
	}
}
