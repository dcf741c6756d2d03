package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

// kept answers the edge's questions about a person from the store.
type kept struct{ store *store.Store }

// About returns everything kept about a visitor.
func (k kept) About(ctx context.Context, site string, visitor uint64) ([]banner.KeptTable, error) {
	return shown(k.store.About(ctx, site, visitor))
}

// AboutRecipient returns everything kept about a mail recipient.
func (k kept) AboutRecipient(ctx context.Context, site string, recipient uint64) ([]banner.KeptTable, error) {
	return shown(k.store.AboutRecipient(ctx, site, recipient))
}

func shown(tables []store.Kept, err error) ([]banner.KeptTable, error) {
	out := make([]banner.KeptTable, len(tables))
	for i, t := range tables {
		out[i] = banner.KeptTable(t)
	}
	return out, err
}

// Decision returns a record of the ledger and the text it was made by.
func (k kept) Decision(ctx context.Context, site string, record [16]byte) (entry event.Consent, wording string, err error) {
	if entry, err = k.store.Receipt(ctx, site, record); err != nil || entry.ID == ([16]byte{}) {
		return entry, "", err
	}
	wording, err = k.store.Wording(ctx, site, entry.NoticeHash)
	return entry, wording, err
}

// signer signs checkpoints of the ledger and receipts of erasures with a
// secret of the site that never rotates: they must verify for as long as
// proof is kept.
type signer struct{ ring *identity.Ring }

// Sign returns the HMAC-SHA-256 of a message.
func (s signer) Sign(site string, message []byte) []byte {
	mac := hmac.New(sha256.New, s.ring.SiteSecret(site, "ledger"))
	mac.Write(message)
	return mac.Sum(nil)
}

// Times of the jobs.
const (
	eraseEvery = 5 * time.Second
	// settle is how long other nodes of a server may insert without having heard of
	// a tombstone: a try's timeout, and the ten seconds between two questions.
	settle          = 3 * time.Minute
	checkpointEvery = time.Hour
	keepEvery       = time.Hour
)

// eraseOptions join the erasing job to the key ring.
func (s *service) eraseOptions() store.EraseOptions {
	o := store.EraseOptions{Unseal: s.ring.UnsealSubject, Signer: signer{s.ring}}
	if !s.cfg.ClickHouse.Embedded() {
		o.Settle = settle
	}
	return o
}
