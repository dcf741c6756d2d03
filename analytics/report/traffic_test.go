package report

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// openStore returns an empty store on a real engine.
func openStore(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	db, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// onEngine are the tests that need an engine. They share one: starting it takes
// longer than the questions.
var onEngine = map[string]func(*testing.T, *store.Store){
	"reports equal an independent count":  reportsEqualAnIndependentCount,
	"timeseries agrees with campaigns":    timeseriesAgreesWithCampaigns,
	"steps name no handful":               stepsNameNoHandful,
	"minutes name no handful":             minutesNameNoHandful,
	"filters cannot look inside the fold": filtersCannotLookInsideTheFold,
	"pages and consent":                   pagesAndConsent,
	"pages equal a count":                 pagesEqualACount,
	"consent equals its definition":       consentEqualsItsDefinition,
	"installation":                        installationJudges,
	"attribution equals its definition":   attributionEqualsItsDefinition,
	"attribution folds":                   attributionFolds,
	"costs equal an independent count":    costsEqualAnIndependentCount,
	"mistagged links are found":           mistaggedLinksAreFound,
	"funnel equals its definition":        funnelEqualsItsDefinition,
	"funnel hides a handful":              funnelHidesAHandful,
	"retention equals its definition":     retentionEqualsItsDefinition,
	"mail equals its definition":          mailEqualsItsDefinition,
	"mail folds bursts":                   mailFoldsBursts,
	"mail counts what was sent":           mailCountsWhatWasSent,
	"mail links equal their definition":   mailLinksEqualTheirDefinition,
	"series of every step agree":          seriesOfEveryStepAgree,
	"narrowed reports equal a count":      narrowedReportsEqualACount,
	"narrowed behaviour equals a count":   narrowedBehaviourEqualsACount,
	"filters name no handful":             filtersNameNoHandful,
	"overlaps name no handful":            overlapsNameNoHandful,
	"bots stand apart":                    botsStandApart,
	"half hours have gaps":                halfHoursHaveGaps,
	"coverage equals its definition":      coverageEqualsItsDefinition,
	"numbers past the term":               numbersPastTheTerm,
	"every report is compared":            everyReportIsCompared,
	"marks set themselves":                marksSetThemselves,
	"sales of a moment ago":               salesOfAMomentAgo,
}

// TestReports runs them on one server.
func TestReports(t *testing.T) {
	where := store.Options{Dial: enginetest.StartOrServer(t)}
	if where.Dial == nil {
		where.DSN = enginetest.Server(t, "reports")
	}
	db := openStore(t, where)
	if where.Dial == nil {
		t.Cleanup(func() {
			if err := db.SQL(context.Background(), io.Discard, "DROP DATABASE "+db.Database(), "tsv", true); err != nil {
				t.Error(err)
			}
		})
	}
	for name, test := range onEngine {
		t.Run(name, func(t *testing.T) { test(t, db) })
	}
}

func query(t testing.TB, s *site.Site, from, to string, filters ...string) Query {
	t.Helper()
	q, err := ParseQuery(s, from, to, "", filters, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	q.CompleteUntil = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	return q
}

func answer(t testing.TB, db *store.Store, name string, q Query) *Table {
	t.Helper()
	table, err := Run(context.Background(), db, name, q)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func insert(t testing.TB, db *store.Store, token string, b store.Batch) {
	t.Helper()
	if written, ok := writers.Load(db); ok {
		db = written.(*store.Store)
	}
	if err := db.Insert(context.Background(), token, b); err != nil {
		t.Fatal(err)
	}
}

func newSite(t testing.TB, id, zone, currency string) *site.Site {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return &site.Site{ID: id, Name: id, Zone: loc, Currency: currency, MinGroup: 5}
}

// traffic makes events that are hard to count: days that change with the
// zone, a change of the clocks, ties in time, orders that come twice or that
// began before the range, refunds of known, older and unknown orders, other
// currencies, machines, rows without consent and rows without a visitor.
type traffic struct {
	*rand.Rand
	site  *site.Site
	start time.Time
	days  int
	id    uint64
}

var origins = []event.Campaign{
	{Source: "google", Medium: "cpc", Name: "autumn", Content: "red", Term: "shoes", Channel: "Paid search"},
	{Source: "google", Medium: "cpc", Name: "brand", Content: "blue", Channel: "Paid search"},
	{Source: "google", Medium: "organic", Channel: "Organic search"},
	{Source: "newsletter", Medium: "email", Name: "十一月", Channel: "E-mail"},
	{Source: "newsletter", Medium: "email", Name: "=cmd|' /C calc'!A0", Channel: "E-mail"},
	{Channel: "Direct"},
	{Source: "(consented later)"},
	{Source: "tiny", Medium: "social", Name: "one", Channel: "Social"},
	{Source: "tiny", Medium: "social", Name: "two", Channel: "Social"},
	{Source: "tiny", Medium: "social", Name: "three", Channel: "Social"},
}

// campaignOf spreads visitors unevenly: the last campaigns get a handful.
func (g *traffic) campaignOf(visitor uint64) event.Campaign {
	if visitor < 8 {
		return origins[len(origins)-1-int(visitor%3)]
	}
	return origins[visitor%7]
}

func pick(g *traffic, of ...string) string { return of[g.IntN(len(of))] }

func (g *traffic) one() *event.Event {
	g.id++
	e := &event.Event{Site: g.site.ID, Basis: event.BasisRecord, Attributed: true, Visitor: 1 + g.Uint64N(300)}
	e.Session = e.Visitor<<8 | g.Uint64N(4)
	binary.BigEndian.PutUint64(e.ID[8:], g.id)
	binary.BigEndian.PutUint64(e.ID[:], g.Uint64())
	// Whole minutes: ties are common, and midnights are hit exactly.
	e.Time = g.start.Add(time.Duration(g.IntN(g.days*24*60)) * time.Minute).UTC()
	e.Kind = []event.Kind{event.PageView, event.Custom, event.Visit, event.Visit, event.Impression, event.Click, event.Conversion, event.Conversion, event.Refund}[g.IntN(9)]
	e.Campaign = g.campaignOf(e.Visitor)
	if g.IntN(12) == 0 { // came another way this time
		e.Campaign = origins[g.IntN(7)]
	}
	e.Agent = event.Agent{Machine: g.IntN(15) == 0, Browser: pick(g, "Safari", "Chrome", "Firefox"), OS: pick(g, "iOS", "Windows"), Device: pick(g, "mobile", "desktop")}
	e.Place = event.Place{Country: pick(g, "CN", "DE", "FR", ""), Region: pick(g, "CN-SH", "DE-BE", "")}
	e.Language = pick(g, "zh", "en", "de")
	e.Host, e.Path = "s.example", pick(g, "/", "/tea", "/tea/green", "/cart")
	g.consent(e)
	g.money(e)
	e.LocalDay = g.site.LocalDay(e.Time)
	e.KeepUntil = e.LocalDay + 395
	return e
}

// consent takes marketing away from rows that can be without it.
func (g *traffic) consent(e *event.Event) {
	if (e.Kind == event.PageView || e.Kind == event.Custom) && g.IntN(3) > 0 {
		e.Attributed, e.Campaign = false, event.Campaign{}
		if g.IntN(4) == 0 {
			e.Visitor, e.Session, e.Basis = 0, 0, event.BasisOptOut
		}
	}
	if e.Kind == event.Conversion && g.IntN(20) == 0 {
		e.Visitor, e.Session = 0, 0 // server-side, without a handle
	}
}

func (g *traffic) money(e *event.Event) {
	if e.Kind != event.Conversion && e.Kind != event.Refund {
		return
	}
	e.Value = event.Amount(g.Int64N(5_000_0000))
	e.Currency = []string{g.site.Currency, g.site.Currency, "", "USD", "JPY"}[g.IntN(5)]
	if g.IntN(4) > 0 {
		e.Order = fmt.Sprintf("A-%d", g.IntN(400))
	}
}

// events makes n events, some of them twice over: a conversion again, on
// another day or in the same minute; a refund that was delivered twice.
func (g *traffic) events(n int) []*event.Event {
	var all []*event.Event
	for range n {
		e := g.one()
		all = append(all, e)
		switch {
		case e.Kind == event.Conversion && e.Order != "" && g.IntN(3) == 0:
			again := g.one()
			again.Kind, again.Order, again.Attributed = event.Conversion, e.Order, true
			again.Value, again.Currency = e.Value+1, g.site.Currency
			again.Campaign = origins[g.IntN(7)]
			if g.IntN(2) == 0 {
				again.Time, again.LocalDay, again.KeepUntil = e.Time, e.LocalDay, e.KeepUntil
			}
			all = append(all, again)
		case e.Kind == event.Refund && g.IntN(5) == 0:
			again := *e
			all = append(all, &again)
		}
	}
	return all
}
