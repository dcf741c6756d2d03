package ship

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
)

// decide puts consents from..to-1 of two sites into the spool, with an event
// after each.
func (b *bench) decide(from, to int) {
	b.Helper()
	for n := from; n < to; n++ {
		c := &event.Consent{
			ID: [16]byte{1, 15: byte(n)}, Subject: uint64(n + 1), Salt: [16]byte{2, 15: byte(n)}, Site: "shop", Time: day,
			Method: "accept_all", Purposes: []event.PurposeDecision{{Purpose: "analytics", Version: 1, Granted: true}}, KeepUntil: 30_000,
		}
		if n%5 == 0 {
			c.Site = "blog"
		}
		b.put(encode(b, event.Record{Consent: c}), encode(b, event.Record{Event: pageView(n)}))
	}
}

type plainSigner struct{}

func (plainSigner) Sign(site string, message []byte) []byte {
	sum := sha256.Sum256(append([]byte(site), message...))
	return sum[:]
}

// wantLedger proves that the ledger is whole, as the spool knows it, and holds
// that many records of each site.
func (b *bench) wantLedger(shop, blog uint64) {
	b.Helper()
	heads := map[string]store.Head{}
	if err := Heads(b.spool, heads); err != nil {
		b.Fatal(err)
	}
	byChain := map[store.Chain]store.Head{}
	for site, h := range heads {
		byChain[store.Chain{Site: site, Node: b.spool.ID()}] = h
	}
	all, err := b.store.VerifyLedger(b.Context(), store.VerifyOptions{Signer: plainSigner{}, Heads: byChain})
	if err != nil {
		b.Fatal(err)
	}
	want := map[string]uint64{"shop": shop, "blog": blog}
	for _, r := range all {
		if r.Break != nil || r.Records != want[r.Site] || heads[r.Site].Seq != r.Records {
			b.Errorf("site %s: %d records, want %d, its node knows %d; broken at %+v", r.Site, r.Records, want[r.Site], heads[r.Site].Seq, r.Break)
		}
	}
	if len(all) != 2 {
		b.Errorf("%d chains: %+v", len(all), all)
	}
}

func (b *bench) reopen() {
	b.Helper()
	if err := b.spool.Close(); err != nil {
		b.Fatal(err)
	}
	b.openSpool()
}

// ledgerKilled: a batch was stored and not acknowledged; the next process
// gives its records the same places.
func ledgerKilled(b *bench) {
	b.decide(0, 50)
	f := &faulty{to: b.store, after: []error{errLost, nil, nil, errLost}}
	ctx, kill := context.WithCancel(b.Context())
	s := b.shipper(stop{f, kill}, func(o *Options) { o.MaxRows = 30 })
	if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		b.Fatalf("got %v", err)
	}
	if s.Stats().Resumed != true {
		b.Error("nothing was under way, and the shipper says that something is")
	}
	b.reopen()
	b.decide(50, 60)
	b.drain(b.shipper(&faulty{to: b.store, before: []error{errLost}, after: []error{nil, errLost}}, nil))
	b.wantOnce(60)
	b.wantLedger(48, 12)
}

// ledgerSetAside: the events of a batch are refused for good after its
// consents were stored; then also the consents of one.
func ledgerSetAside(b *bench) {
	alter := func(sql string) {
		b.Helper()
		if err := b.store.SQL(b.Context(), &strings.Builder{}, sql, "tsv", true); err != nil {
			b.Fatal(err)
		}
	}
	alter("ALTER TABLE events ADD CONSTRAINT no_poison CHECK path != '/15'")
	alter("ALTER TABLE consents ADD CONSTRAINT no_poison CHECK subject != 26")
	b.decide(0, 40)
	s := b.shipper(b.store, func(o *Options) { o.MaxRows = 20 })
	b.drain(s)
	aside, err := b.spool.Asides()
	if err != nil || len(aside) != 2 {
		b.Fatalf("set aside %+v, %v", aside, err)
	}
	b.wantLedger(24, 6) // without the ten of the batch whose consents were refused
	alter("ALTER TABLE events DROP CONSTRAINT no_poison")
	alter("ALTER TABLE consents DROP CONSTRAINT no_poison")
	for _, a := range aside {
		if _, err := b.spool.Replay(a.Batch); err != nil {
			b.Fatal(err)
		}
	}
	b.drain(s)
	b.wantOnce(40)
	b.wantLedger(40, 10) // ten of them twice, each in a place of its own
	b.reopen()
	b.decide(40, 45)
	b.drain(b.shipper(b.store, nil))
	b.wantLedger(44, 11)
}

// forgetful is a spool that damage took the marks from.
type forgetful struct {
	*spool.Spool
	whole bool
}

func (f *forgetful) Marks(space byte, visit func(key, value []byte) error) error {
	if !f.whole {
		return fmt.Errorf("%w: all of them", spool.ErrMarksMissing)
	}
	return f.Spool.Marks(space, visit)
}

func (f *forgetful) MarksWhole(space byte) error {
	f.whole = true
	return f.Spool.MarksWhole(space)
}

func ledgerMarksLost(b *bench) {
	b.decide(0, 20)
	b.drain(b.shipper(b.store, nil))
	if err := b.spool.DeleteMarks(SpaceLedger, []byte("shop"), []byte("blog")); err != nil {
		b.Fatal(err)
	}
	b.decide(20, 30)
	damaged := &forgetful{Spool: b.spool}
	b.drain(b.shipper(b.store, func(o *Options) { o.Spool = damaged }))
	if !damaged.whole {
		b.Error("the marks were not made whole")
	}
	b.wantLedger(24, 6)
}

// ledgerUpgrade: the program before this one knew no ledger, stored a batch and
// died.
func ledgerUpgrade(b *bench) {
	b.decide(0, 10)
	records, err := b.spool.Read(b.Context(), 1, 20)
	if err != nil {
		b.Fatal(err)
	}
	m := manifestOf(b.spool.ID(), records)
	old := append([]byte{1}, m.encode()[1:]...)
	if err := b.spool.PutManifest(old); err != nil {
		b.Fatal(err)
	}
	if m, err := decodeManifest(old); err != nil || !m.unchained {
		b.Fatalf("%+v, %v", m, err)
	}
	b.drain(b.shipper(b.store, nil)) // not stored yet: it is now
	b.wantOnce(10)
	b.wantLedger(8, 2)
	b.decide(10, 20)
	if records, err = b.spool.Read(b.Context(), 21, 40); err != nil {
		b.Fatal(err)
	}
	m = manifestOf(b.spool.ID(), records)
	if err := b.spool.PutManifest(append([]byte{1}, m.encode()[1:]...)); err != nil {
		b.Fatal(err)
	}
	var rows store.Batch
	for _, r := range records {
		row, err := event.Decode(r.Payload)
		if err != nil {
			b.Fatal(err)
		}
		rows.Add(row)
	}
	if err := b.store.Insert(b.Context(), m.token(), rows); err != nil {
		b.Fatal(err)
	}
	b.decide(20, 25)
	b.drain(b.shipper(b.store, nil))
	b.wantOnce(25)
	if got := b.one("SELECT count(), countIf(chain_seq = 0) FROM consents"); got != "25\t10" {
		b.Errorf("records, of them without a place: %s", got)
	}
	// Those ten stand outside every chain, which goes on without a gap.
	if err := b.store.SQL(b.Context(), &strings.Builder{}, "ALTER TABLE consents DELETE WHERE chain_seq = 0 SETTINGS mutations_sync = 2", "tsv", true); err != nil {
		b.Fatal(err)
	}
	b.wantLedger(12, 3)
}

// TestChainsOf: the manifest names each site once, in order.
func TestChainsOf(t *testing.T) {
	var rows store.Batch
	for _, site := range []string{"b", "a", "b", "c"} {
		rows.Add(event.Record{Consent: &event.Consent{Site: site}})
	}
	m := manifest{chains: chainsOf(&rows, map[string]store.Head{"b": {Seq: 7}})}
	if len(m.chains) != 3 || m.chains[0].site != "a" || m.chains[1].head.Seq != 7 || m.chains[2].site != "c" {
		t.Errorf("chains %+v", m.chains)
	}
	moved := rows.Chain([16]byte{1}, m.heads())
	if moved["b"].Seq != 9 || moved["a"].Seq != 1 || bytes.Equal(rows.Consents[0].Hash[:], rows.Consents[2].Hash[:]) {
		t.Errorf("moved to %+v", moved)
	}
}
