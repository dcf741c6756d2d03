package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/kunjicloud/kunji/edge/event"
)

// Cost is what one campaign cost on one day, as its platform says. Site, day,
// source, medium, campaign, content and term are its key.
type Cost struct {
	Site                                    string
	Day                                     int32 // days since 1970-01-01 in the site's zone
	Source, Medium, Campaign, Content, Term string
	Amount                                  event.Amount
	Currency                                string // ISO 4217
	Impressions, Clicks                     uint64 // the platform's
	version                                 uint64
}

// RateUnit is one, as Rate.Worth counts.
const RateUnit = 100_000_000

// Rate says what one unit of a currency is worth in the site's own from a day
// on, until the currency's next rate.
type Rate struct {
	Site     string
	Currency string // ISO 4217
	Day      int32  // days since 1970-01-01
	Worth    uint64 // in RateUnit
	version  uint64
}

// Action is one line of the audit log.
type Action struct {
	Time   time.Time
	Actor  string // a user, or "token NAME"; empty where nobody is known
	Action string // signed_in, costs_uploaded …
	Site   string // empty where it is about none
	Detail string // in plain words; no address, no password
	id     [16]byte
}

var costTable = table[Cost]{"ad_costs", []column[Cost]{
	term("site", func(c *Cost) string { return c.Site }),
	day("day", func(c *Cost) int32 { return c.Day }),
	term("source", func(c *Cost) string { return c.Source }),
	term("medium", func(c *Cost) string { return c.Medium }),
	term("campaign", func(c *Cost) string { return c.Campaign }),
	term("content", func(c *Cost) string { return c.Content }),
	term("term", func(c *Cost) string { return c.Term }),
	money("amount", func(c *Cost) event.Amount { return c.Amount }),
	term("currency", func(c *Cost) string { return c.Currency }),
	word("impressions", func(c *Cost) uint64 { return c.Impressions }),
	word("clicks", func(c *Cost) uint64 { return c.Clicks }),
	word("version", func(c *Cost) uint64 { return c.version }),
}}

var rateTable = table[Rate]{"rates", []column[Rate]{
	term("site", func(r *Rate) string { return r.Site }),
	term("currency", func(r *Rate) string { return r.Currency }),
	day("day", func(r *Rate) int32 { return r.Day }),
	word("worth", func(r *Rate) uint64 { return r.Worth }),
	word("version", func(r *Rate) uint64 { return r.version }),
}}

var auditTable = table[Action]{"audit", []column[Action]{
	moment("time", func(a *Action) time.Time { return a.Time }),
	term("actor", func(a *Action) string { return a.Actor }),
	term("action", func(a *Action) string { return a.Action }),
	term("site", func(a *Action) string { return a.Site }),
	text("detail", func(a *Action) string { return a.Detail }),
	id("id", func(a *Action) [16]byte { return a.id }),
}}

// PutCosts stores costs, all or none; a row of the same key that is there
// already is replaced. Sent again it changes nothing. Reports see it at once.
func (s *Store) PutCosts(ctx context.Context, costs []Cost) error {
	if err := refuse(&s.wound, costs, func(r *Cost) string { return r.Site }); err != nil {
		return err
	}
	version := uint64(s.now().UnixNano())
	rows := make([]*Cost, len(costs))
	for i := range costs {
		one := costs[i]
		one.version = version
		rows[i] = &one
	}
	return put(ctx, s, costTable, rows)
}

// PutRates stores exchange rates, all or none; a rate of the same site,
// currency and day is replaced.
func (s *Store) PutRates(ctx context.Context, rates []Rate) error {
	if err := refuse(&s.wound, rates, func(r *Rate) string { return r.Site }); err != nil {
		return err
	}
	version := uint64(s.now().UnixNano())
	rows := make([]*Rate, len(rates))
	for i := range rates {
		one := rates[i]
		one.version = version
		rows[i] = &one
	}
	return put(ctx, s, rateTable, rows)
}

// Audit writes one line of the audit log.
func (s *Store) Audit(ctx context.Context, a Action) error {
	if _, err := rand.Read(a.id[:]); err != nil {
		return fmt.Errorf("store: random bytes for an audit line: %w", err)
	}
	return put(ctx, s, auditTable, []*Action{&a})
}

// put inserts rows as one block under a token of its own.
func put[T any](ctx context.Context, s *Store, t table[T], rows []*T) error {
	var token [16]byte
	if _, err := rand.Read(token[:]); err != nil {
		return fmt.Errorf("store: random bytes for an insert: %w", err)
	}
	settings, err := s.insertSettings(fmt.Sprintf("%x", token))
	if err != nil {
		return err
	}
	reused := s.buffers.Get().(*buffers)
	defer s.buffers.Put(reused)
	return insert(clickhouse.Context(ctx, clickhouse.WithSettings(settings)), s, t, rows, reused)
}
