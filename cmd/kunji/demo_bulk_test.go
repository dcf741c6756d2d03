package main

import (
	"context"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// bulkKept keeps what is inserted.
type bulkKept struct {
	events []*event.Event
	tokens map[string]bool
}

func (k *bulkKept) Insert(_ context.Context, token string, b store.Batch) error {
	k.tokens[token] = true
	k.events = append(k.events, b.Events...)
	return nil
}

func TestBulkTraffic(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	st := &site.Site{ID: "shop", Zone: zone, Currency: "CNY", RetainEvents: 395 * 24 * time.Hour}
	end := time.Date(2026, 11, 23, 16, 30, 0, 0, time.UTC) // the 24th in Shanghai
	const n = 2*bulkRows + 12_345
	var times [2]*bulkKept
	for i := range times {
		times[i] = &bulkKept{tokens: map[string]bool{}}
		told := 0
		if err := newBulk(st, &url.URL{Scheme: "https", Host: "shop.example"}, end, n).fill(t.Context(), times[i], func(made int) { told = made }); err != nil {
			t.Fatal(err)
		}
		if told != n || len(times[i].events) != n || len(times[i].tokens) != 3 {
			t.Fatalf("told of %d events, %d are there under %d tokens; want %d under 3", told, len(times[i].events), len(times[i].tokens), n)
		}
	}
	if !reflect.DeepEqual(times[0].events, times[1].events) {
		t.Error("the same site, end and number made other events")
	}
	visitors, days, kinds, orders := map[uint64]bool{}, map[int32]bool{}, map[event.Kind]int{}, map[string]bool{}
	for _, e := range times[0].events {
		if err := store.Check(event.Record{Event: e}); err != nil {
			t.Fatal(err)
		}
		visitors[e.Visitor], days[e.LocalDay] = true, true
		kinds[e.Kind]++
		switch {
		case e.LocalDay != st.LocalDay(e.Time) || e.KeepUntil != e.LocalDay+395:
			t.Fatalf("at %s: day %d, kept until %d", e.Time, e.LocalDay, e.KeepUntil)
		case !e.Attributed && (e.Campaign != event.Campaign{} || e.Kind == event.Visit || e.Kind == event.Conversion):
			t.Fatalf("without consent to marketing: %+v", e)
		case e.Kind == event.Conversion && (e.Value <= 0 || e.Order == "" || orders[e.Order]):
			t.Fatalf("a conversion of %d for order %q", e.Value, e.Order)
		}
		orders[e.Order] = e.Kind == event.Conversion
	}
	last := st.LocalDay(end)
	if days[last+1] || !days[last-1] || !days[last-bulkDays] || days[last-bulkDays-1] {
		t.Errorf("days of traffic up to %d: %v", last, days)
	}
	for kind, least := range map[event.Kind]int{event.PageView: n * 8 / 10, event.Visit: n * 8 / 100, event.Custom: n / 100, event.Conversion: n / 300} {
		if kinds[kind] < least {
			t.Errorf("%d of %d events are a %s, want %d at least", kinds[kind], n, kind, least)
		}
	}
	if per := n / len(visitors); per < 15 || per > 35 {
		t.Errorf("%d events a visitor", per)
	}
}
