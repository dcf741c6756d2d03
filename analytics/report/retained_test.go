package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

func TestPolicy_7_2_ReportsSayHowFarBackTheyReach(t *testing.T) {
	shop := &site.Site{ID: "shop", Zone: time.UTC, RetainEvents: 395 * 24 * time.Hour}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		report, from, compare, filter string
		lookback                      int
		want                          string
	}{
		{"campaigns", "2025-10-25", "", "", 0, ""},
		{"campaigns", "2025-10-24", "", "", 0, "2025-10-25 sums"},
		{"campaigns", "2025-10-24", "", "country:CN", 0, "2025-10-25"},
		{"campaigns", "2026-11-01", "year", "", 0, ""},
		{"timeseries", "2026-10-24", "year", "", 0, "2025-10-25 sums"},
		{"attribution", "2025-11-01", "", "", 7, ""},
		{"attribution", "2025-11-01", "", "", 8, "2025-10-25"},
		{"pages", "2025-10-24", "", "", 0, "2025-10-25"},
		{"consent", "2024-11-24", "", "", 0, ""},
		{"consent", "2024-11-23", "", "", 0, "2024-11-24"},
		{"costs", "2024-01-01", "", "", 0, ""},
	} {
		var filters []string
		if c.filter != "" {
			filters = []string{c.filter}
		}
		q, err := ParseQuery(shop, c.from, "", c.compare, filters, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.split(c.report); err != nil {
			t.Fatal(err)
		}
		var compared *Comparison
		if c.compare != "" {
			compared = &Comparison{}
			compared.From, compared.To = q.earlier()
		}
		since, sums := q.retained(c.report, compared, c.lookback)
		got := ""
		if since != 0 {
			got = since.String()
		}
		if sums {
			got += " sums"
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestEveryFormSaysHowFarBackItReaches(t *testing.T) {
	table := sample()
	for name, write := range map[string]func(*bytes.Buffer) error{
		"json": func(b *bytes.Buffer) error { return WriteJSON(b, table) },
		"csv":  func(b *bytes.Buffer) error { return WriteCSV(b, table) },
		"text": func(b *bytes.Buffer) error { return WriteText(b, table) },
	} {
		for _, since := range []Day{0, 20000} {
			table.Meta.RetainedSince, table.Meta.SumsBefore = since, true
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(b.String(), "retained since 2024-10-04: of the days before there are sums only"); got != (since != 0) {
				t.Errorf("%s with %d: %s", name, since, b.String())
			}
		}
	}
}

// numbersPastTheTerm: what reports say of days whose sketches became numbers.
func numbersPastTheTerm(t *testing.T, db *store.Store) {
	shop := newSite(t, "past", "UTC", "CNY")
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -400)
	yesterday := int32(time.Now().Unix()/86400) - 1
	var b store.Batch
	visit := func(visitor uint64, day int, campaign string) {
		e := &event.Event{
			Time: start.AddDate(0, 0, day).Add(time.Hour), LocalDay: int32(start.Unix()/86400) + int32(day), Site: "past", Kind: event.Visit,
			Visitor: visitor, Session: visitor, Basis: event.BasisRecord, Attributed: true, KeepUntil: yesterday,
			Campaign: event.Campaign{Source: "s", Name: campaign, Channel: "c"},
		}
		binary.BigEndian.PutUint64(e.ID[:], uint64(len(b.Events)+1))
		b.Add(event.Record{Event: e})
	}
	for visitor := range uint64(7) { // on both days
		visit(visitor+1, 0, "many")
		visit(visitor+1, 1, "many")
	}
	for day := range 6 { // the same one each day: no sum may make a crowd of it
		visit(99, day, "lonely")
	}
	insert(t, db, "past", b)
	q := query(t, shop, start.Format(time.DateOnly), start.AddDate(0, 0, 9).Format(time.DateOnly))
	figures := func(report string) (got []string) {
		for _, r := range answer(t, db, report, q).Rows {
			if report == "timeseries" {
				got = append(got, fmt.Sprint(r.Cells[3], " by ", r.Cells[5]))
			} else {
				got = append(got, fmt.Sprint(r.Cells[2], ": ", r.Cells[5], " by ", r.Cells[6]))
			}
		}
		return got
	}
	series := fmt.Sprint(figures("timeseries"))
	if got := fmt.Sprint(figures("campaigns")); got != "[: 20 by 8]" {
		t.Errorf("campaigns before: %s", got)
	}
	writer := db
	if w, ok := writers.Load(db); ok {
		writer = w.(*store.Store)
	}
	if days, err := writer.KeepNumbers(t.Context()); err != nil || days != 6 {
		t.Fatalf("%d days, %v", days, err)
	}
	if got := fmt.Sprint(figures("timeseries")); got != series || !strings.HasPrefix(got, "[8 by 8 8 by 8 1 by 1") {
		t.Errorf("by day: %s, before: %s", got, series)
	}
	if got := fmt.Sprint(figures("campaigns")); got != "[: 20 by 20]" {
		t.Errorf("campaigns after: %s", got)
	}
}
