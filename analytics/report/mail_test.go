package report

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	edgemail "github.com/kunjicloud/kunji/edge/mail"
)

// bursts makes the opens and clicks of n mails, each to one recipient: at the
// edges of the windows that scanners are told by, over midnights, and on either
// side of a noon that cuts nothing.
func bursts(g *traffic, n int) [][]*event.Event {
	var mails [][]*event.Event
	for i := range n {
		at := g.start.Add(time.Duration(g.IntN(2*g.days))*12*time.Hour - time.Duration(g.IntN(3000))*time.Millisecond)
		var hits []*event.Event
		for range 1 + g.IntN(7) {
			e := g.one()
			at = at.Add(time.Duration([]int{0, 1, 400, 999, 1000, 1001, 5000, 9999, 10000, 10001}[g.IntN(10)]) * time.Millisecond)
			e.Time, e.LocalDay = at, g.site.LocalDay(at)
			e.KeepUntil = e.LocalDay + 395
			e.Visitor, e.Session, e.Basis, e.Recipient = 0, 0, event.BasisMail, uint64(1+i/2)
			e.Campaign = event.Campaign{Source: "newsletter", Medium: "email", Name: []string{"spring", "autumn"}[i%2], Content: pick(g, "", "footer")}
			e.Kind = event.MailClick
			reason := edgemail.Reason(pick(g, "", "", "", "", "", "", string(edgemail.ReasonTrap), string(edgemail.ReasonPrefetch), string(edgemail.ReasonMethod), string(edgemail.ReasonLibrary), string(edgemail.ReasonSoon)))
			if g.IntN(4) == 0 {
				e.Kind, reason = event.MailOpen, edgemail.Reason(pick(g, "", string(edgemail.ReasonApple), string(edgemail.ReasonNetwork)))
			} else {
				e.Props = map[string]string{edgemail.LinkProp: pick(g, "AAAAAAAA", "BBBBBBBB", "CCCCCCCC")}
			}
			e.Agent.Machine, e.Agent.MachineReason = reason.Machine(), string(reason)
			hits = append(hits, e)
		}
		mails = append(mails, hits)
	}
	return mails
}

// folded says what mail.Fold makes of one mail's hits.
func folded(hits []*event.Event) []edgemail.Reason {
	seen := make([]edgemail.Seen, len(hits))
	for i, e := range hits {
		seen[i] = edgemail.Seen{At: e.Time, Open: e.Kind == event.MailOpen, Reason: edgemail.Reason(e.Agent.MachineReason)}
		if link := e.Props[edgemail.LinkProp]; link != "" {
			seen[i].Link = uint64(link[0])
		}
	}
	return edgemail.Fold(seen).Reasons
}

// mailFoldsBursts holds mail_hits.sql equal to mail.Fold, hit by hit, and the
// report to what it makes of them, with a filter that tears bursts apart too.
func mailFoldsBursts(t *testing.T, db *store.Store) {
	own := newSite(t, "bursts", "Asia/Shanghai", "CNY")
	// Midnights there are at 16:00 UTC.
	g := &traffic{Rand: rand.New(rand.NewPCG(19, 20)), site: own, start: time.Date(2026, 11, 18, 16, 0, 0, 0, time.UTC), days: 3}
	mails := bursts(g, 1200)
	var events []*event.Event
	machine, changed := map[string]bool{}, map[edgemail.Reason]int{}
	for _, hits := range mails {
		events = append(events, hits...)
		for i, reason := range folded(hits) {
			machine[fmt.Sprintf("%x", hits[i].ID)] = reason.Machine()
			if reason != edgemail.Reason(hits[i].Agent.MachineReason) {
				changed[reason]++
			}
		}
	}
	if changed[edgemail.ReasonBurst] < 100 || changed[edgemail.ReasonTrap] < 100 {
		t.Fatalf("too few bursts to tell: %v", changed)
	}
	insert(t, db, "bursts", store.Batch{Events: events})

	rows, err := db.Query(t.Context(), eventsOf("mail", "SELECT replaceAll(toString(event_id), '-', ''), machine FROM {{events}}"), map[string]any{"site": own.ID, "from": "2026-11-18", "to": "2026-11-23"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id string
		var is uint8
		if err := rows.Scan(&id, &is); err != nil {
			t.Fatal(err)
		}
		if want, ok := machine[id]; !ok || want != (is == 1) {
			t.Errorf("hit %s: machine %d, want %v", id, is, want)
		}
	}
	if err := rows.Err(); err != nil || n != len(events) {
		t.Fatalf("%d of %d hits, %v", n, len(events), err)
	}
	for _, filters := range [][]string{nil, {"device:mobile"}} {
		q := query(t, own, "2026-11-19", "2026-11-20", filters...)
		var clicks, machineClicks int64
		clickers := map[string]bool{} // of each row
		for _, e := range events {
			switch {
			case e.Kind != event.MailClick || Day(e.LocalDay) < q.From || Day(e.LocalDay) > q.To || filters != nil && e.Agent.Device != "mobile":
			case machine[fmt.Sprintf("%x", e.ID)]:
				machineClicks++
			default:
				clicks++
				clickers[fmt.Sprint(e.Campaign, e.Recipient)] = true
			}
		}
		got := answer(t, db, "mail", q)
		if c, m, p := got.Total("clicks"), got.Total("machine_clicks"), got.Total("clickers"); c != clicks || m != machineClicks || p != int64(len(clickers)) {
			t.Errorf("by %v: %v clicks, %v by machines, %v clickers; want %d, %d, %d", filters, c, m, p, clicks, machineClicks, len(clickers))
		}
	}
}
