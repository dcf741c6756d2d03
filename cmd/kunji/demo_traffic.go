package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// movedClock is a clock that somebody moves. Only the demo has one.
type movedClock struct{ ns atomic.Int64 }

func (c *movedClock) now() time.Time   { return time.Unix(0, c.ns.Load()) }
func (c *movedClock) set(at time.Time) { c.ns.Store(at.UnixNano()) }

const (
	madeDays = 30
	madeStep = 5 * time.Minute // the clock stands still within one

	stepsPerDay = int(24 * time.Hour / madeStep)
)

// madeTraffic sends a month of made-up visits through the real path: consents,
// refusals, visits and purchases over HTTP to an edge whose clock it moves.
type madeTraffic struct {
	client *http.Client
	base   string // the edge's address
	origin string // of the shop's pages
	clock  *movedClock
	random *rand.Rand
	log    *slog.Logger
	mail   *madeMail // nil sends no letters
	orders atomic.Int64
}

// run makes a month that ends at end, and returns how many visits it made.
func (m *madeTraffic) run(ctx context.Context, end time.Time, perDay float64) (int, error) {
	start := end.AddDate(0, 0, -madeDays).Truncate(madeStep)
	plan, visits := m.plan(start, end, perDay)
	for i := range plan {
		at := start.Add(time.Duration(i) * madeStep)
		m.clock.set(at)
		acts, err := m.mail.due(ctx, i, at)
		if err != nil {
			return visits, err
		}
		for _, v := range plan[i] {
			acts = append(acts, func(ctx context.Context) error { return m.visit(ctx, v) })
		}
		if err := together(ctx, acts); err != nil {
			return visits, err
		}
		if i%stepsPerDay == 0 {
			m.log.Debug("demo: making traffic", "day", i/stepsPerDay+1, "of", madeDays)
		}
	}
	return visits, nil
}

// together does all that happens in one step side by side.
func together(ctx context.Context, acts []madeAct) error {
	var wg sync.WaitGroup
	errs := make([]error, len(acts))
	for i, act := range acts {
		wg.Go(func() { errs[i] = act(ctx) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// visit does what a browser with the script in the page would.
func (m *madeTraffic) visit(ctx context.Context, v madeVisit) error {
	who := v.who
	if v.first {
		if err := m.answer(ctx, who); err != nil {
			return err
		}
	}
	if who.answer == "ignore" || who.answer == "reject" {
		if who.random.Float64() < .3 { // a page with a plain image in it
			_, err := m.send(ctx, who, http.MethodGet, "/p.gif?s="+shopSite+"&u="+m.origin+"/shop/", nil)
			return err
		}
		return nil
	}
	landing := v.landing
	if landing == "" {
		landing = m.origin + "/shop/"
	}
	if v.from.query != "" {
		landing += "?" + v.from.query
	}
	pages := []map[string]any{{"kind": "page_view", "url": landing, "referrer": v.from.referrer}}
	for range v.pages - 1 {
		pages = append(pages, map[string]any{"kind": "page_view", "url": m.origin + "/shop/tea/" + teas[who.random.IntN(len(teas))].ID, "referrer": landing})
	}
	if v.purchase < v.from.sells {
		t := teas[who.random.IntN(len(teas))]
		pages = append(pages, map[string]any{"kind": "conversion", "url": m.origin + "/shop/bought", "value": json.Number(t.Price), "currency": "CNY", "order": v.order})
	}
	for _, p := range pages {
		body := map[string]any{"site": shopSite, "events": []any{p}}
		if _, err := m.send(ctx, who, http.MethodPost, "/v1/events", body); err != nil {
			return err
		}
	}
	return nil
}

// answer shows the banner to a made-up visitor and sends what they say.
func (m *madeTraffic) answer(ctx context.Context, who *madeVisitor) error {
	if _, err := m.send(ctx, who, http.MethodGet, "/v1/shown?site="+shopSite, nil); err != nil {
		return err
	}
	body := map[string]any{"site": shopSite, "surface": "banner", "notice": map[string]string{"language": "zh-CN"}}
	switch who.answer {
	case "accept":
		body["method"] = "accept_all"
	case "reject":
		body["method"] = "reject_all"
	case "analytics":
		body["method"], body["surface"] = "save", "preferences"
		body["decisions"] = map[string]bool{"preferences": false, "analytics": true, "marketing": false}
	default:
		return nil
	}
	_, err := m.send(ctx, who, http.MethodPost, "/v1/consent", body)
	return err
}

// send makes one request with the visitor's cookies and keeps those that come
// back; of a redirect it returns where it leads. Anything else but success ends
// the demo's traffic: it is ours, so it must be right.
func (m *madeTraffic) send(ctx context.Context, who *madeVisitor, method, path string, body any) (leads string, err error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return "", fmt.Errorf("demo traffic: %w", err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, m.base+path, content)
	if err != nil {
		return "", fmt.Errorf("demo traffic: %w", err)
	}
	h := req.Header
	h.Set("Origin", m.origin)
	h.Set("X-Forwarded-For", who.address)
	h.Set("User-Agent", who.agent)
	h.Set("Accept-Language", who.language)
	if len(who.cookies) > 0 {
		var all []string
		for name, value := range who.cookies {
			all = append(all, name+"="+value)
		}
		h.Set("Cookie", strings.Join(all, "; "))
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("demo traffic: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", fmt.Errorf("demo traffic: %w", err)
	}
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusFound {
		return "", fmt.Errorf("demo traffic: %s %s answered %d: %s", method, strings.SplitN(path, "?", 2)[0], resp.StatusCode, answer)
	}
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(who.cookies, c.Name)
			continue
		}
		who.cookies[c.Name] = c.Value
	}
	return resp.Header.Get("Location"), nil
}
