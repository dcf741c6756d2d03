package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// eventsAreKept: a shop's server tells of an order with the handle that the
// page gave it; the order counts once, its refund too, and once the visitor
// withdrew nothing is kept any more.
func eventsAreKept(a *api) {
	v := &visitor{in: a.in, client: http.DefaultClient}
	choose := func(method string) {
		a.t.Helper()
		status, _, err := v.do("POST", "/v1/consent", fmt.Sprintf(`{"site":"shop","method":%q,"surface":"banner","notice":{"language":"en"}}`, method))
		if err != nil || status != http.StatusOK {
			a.t.Fatalf("%s: %d, %v", method, status, err)
		}
	}
	choose("accept_all")
	if _, result, err := v.do("GET", "/p.gif?s=shop&u=http%3A%2F%2F127.0.0.1%2F%3Futm_source%3Dnews%26utm_medium%3Demail%26utm_campaign%3Dspring", ""); err != nil || result != "recorded" {
		a.t.Fatalf("a page view: %s, %v", result, err)
	}
	if _, result, err := v.do("GET", "/p.gif?s=shop&k=conversion&o=order-1&v=100&u=http%3A%2F%2F127.0.0.1%2Fbought", ""); err != nil || result != "recorded" {
		a.t.Fatalf("the page's conversion: %s, %v", result, err)
	}
	handle := v.handle(a)
	a.in.shipped()
	post := func(want int, events ...string) (got struct {
		Recorded, Duplicates int
		Refused              map[string]int
		Invalid              []struct{ Index int }
	}) {
		a.t.Helper()
		a.post("marketer", "/api/v1/events", `{"events":[`+strings.Join(events, ",")+`]}`, want, &got)
		return got
	}
	told := func(kind, more string) string {
		return fmt.Sprintf(`{"site":"shop","kind":%q,"handle":%q%s}`, kind, handle, more)
	}
	sale := told("conversion", `,"order":"order-1","value":100,"id":"s-1"`)
	abroad := told("conversion", `,"order":"order-2","value":12.5,"currency":"USD","id":"s-2","time":"`+time.Now().Add(-time.Hour).Format(time.RFC3339)+`"`)
	refund := told("refund", `,"order":"order-1","value":40,"id":"r-1"`)
	got := post(202, sale, abroad, refund, sale, `{"site":"shop","kind":"conversion"}`, told("conversion", `,"currency":"EURO"`), told("conversion", `,"time":"x"`))
	if got.Recorded != 4 || got.Duplicates != 1 || got.Refused["no_consent"] != 1 || len(got.Invalid) != 2 {
		a.t.Errorf("%+v", got)
	}
	if got := post(202, sale); got.Recorded != 1 || got.Duplicates != 1 {
		a.t.Errorf("sent again: %+v", got)
	}
	a.in.shipped()
	const rows = "SELECT concat(kind, ' ', order_id, ' ', toString(value), ' ', currency, ' ', source) FROM events WHERE order_id != '' ORDER BY kind, order_id"
	want := "conversion order-1 100 CNY news;conversion order-1 100 CNY news;conversion order-2 12.5 USD (consented later);refund order-1 40 CNY news"
	if kept := strings.Join(a.in.column(rows), ";"); kept != want {
		a.t.Errorf("kept\n%s, want\n%s", kept, want)
	}
	counted := func() (conversions, refunds float64) {
		a.t.Helper()
		var report struct{ Rows []map[string]any }
		if err := json.Unmarshal(a.call("marketer", "GET", "/api/v1/reports/campaigns?site=shop", "", "", 200), &report); err != nil {
			a.t.Fatal(err)
		}
		for _, row := range report.Rows {
			n, _ := row["conversions"].(float64)
			m, _ := row["refunds"].(float64)
			conversions, refunds = conversions+n, refunds+m
		}
		return conversions, refunds
	}
	if conversions, refunds := counted(); conversions != 2 || refunds != 40 {
		a.t.Errorf("%v orders and %v of refunds count, want 2 and 40", conversions, refunds)
	}

	choose("withdraw")
	if got := post(202, told("conversion", `,"order":"order-3"`)); got.Recorded != 0 || got.Refused["withdrawn"] != 1 {
		a.t.Errorf("after withdrawal: %+v", got)
	}
	a.call("mailer", "POST", "/api/v1/events", "application/json", `{"events":[]}`, 403)
	a.call("marketer", "POST", "/api/v1/events", "application/json", `{"events":[]}`, 400)
	a.call("marketer", "POST", "/api/v1/events", "application/json", `{"events":[{"site":"blog","kind":"conversion"}]}`, 403)
	a.call("marketer", "POST", "/api/v1/events", "application/json", `{"events":[{"colour":"red"}]}`, 400)
}

// handle is what a page of the visitor gets for its own server.
func (v *visitor) handle(a *api) string {
	a.t.Helper()
	req, err := http.NewRequest("GET", "http://"+v.in.edge+"/v1/consent?site=shop", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Cookie", strings.Join(v.cookies, "; "))
	resp, err := v.client.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	var state struct{ Handle string }
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil || state.Handle == "" {
		a.t.Fatalf("no handle: %v", err)
	}
	return state.Handle
}
