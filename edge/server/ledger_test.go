package server

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// ledger answers like the store, from what the test's edge put on disk.
type ledger struct {
	mu      sync.Mutex
	w       *world
	away    bool
	records []event.Record
}

var errStoreAway = errors.New("clickhouse is away")

func (l *ledger) read() error {
	if l.away {
		return errStoreAway
	}
	l.records = append(l.records, l.w.records()...)
	return nil
}

func (l *ledger) About(_ context.Context, site string, visitor uint64) ([]banner.KeptTable, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return nil, err
	}
	t := banner.KeptTable{Name: "events", Columns: []string{"kind", "path"}}
	for _, r := range l.records {
		if r.Event != nil && r.Event.Site == site && r.Event.Visitor == visitor {
			t.Rows = append(t.Rows, []string{r.Event.Kind.String(), r.Event.Path})
		}
	}
	return []banner.KeptTable{t}, nil
}

func (l *ledger) AboutRecipient(_ context.Context, site string, recipient uint64) ([]banner.KeptTable, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return nil, err
	}
	t := banner.KeptTable{Name: "events", Columns: []string{"kind", "campaign"}}
	for _, r := range l.records {
		if r.Event != nil && r.Event.Site == site && r.Event.Recipient == recipient {
			t.Rows = append(t.Rows, []string{r.Event.Kind.String(), r.Event.Campaign.Name})
		}
	}
	return []banner.KeptTable{t}, nil
}

func (l *ledger) Decision(_ context.Context, site string, record [16]byte) (event.Consent, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return event.Consent{}, "", err
	}
	for _, r := range l.records {
		if r.Consent == nil || r.Consent.Site != site || r.Consent.ID != record {
			continue
		}
		for _, t := range l.records {
			if t.Wording != nil && t.Wording.Hash == r.Consent.NoticeHash {
				return *r.Consent, t.Wording.Text, nil
			}
		}
		return *r.Consent, "", nil
	}
	return event.Consent{}, "", nil
}

// empty is a store that has nothing.
type empty struct{}

func (empty) About(context.Context, string, uint64) ([]banner.KeptTable, error) { return nil, nil }

func (empty) AboutRecipient(context.Context, string, uint64) ([]banner.KeptTable, error) {
	return nil, nil
}

func (empty) Decision(context.Context, string, [16]byte) (event.Consent, string, error) {
	return event.Consent{}, "", nil
}

func newKeptWorld(t *testing.T, sites ...*site.Site) (*world, *ledger) {
	l := new(ledger)
	l.w = newWorld(t, sites, func(o *Options) { o.Kept = l })
	return l.w, l
}
