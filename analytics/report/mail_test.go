package report

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	edgemail "github.com/kunjicloud/kunji/edge/mail"
)

// newsletters makes opens and clicks of two campaigns, some by machines and proxies.
func newsletters(g *traffic, n int) []*event.Event {
	var events []*event.Event
	for range n {
		e := g.one()
		e.Visitor, e.Session, e.Basis, e.Recipient = 0, 0, event.BasisMail, 1+g.Uint64N(60)
		e.Campaign = event.Campaign{Source: "newsletter", Medium: "email", Name: []string{"spring", "autumn"}[g.IntN(2)], Content: []string{"", "footer"}[g.IntN(2)]}
		e.Kind = []event.Kind{event.MailOpen, event.MailOpen, event.MailClick}[g.IntN(3)]
		reason := []string{"", "apple_mpp", "google_proxy", "scanner"}[g.IntN(4)]
		if e.Kind == event.MailClick && reason != "scanner" {
			reason = ""
		}
		e.Agent.MachineReason, e.Agent.Machine = reason, reason == "scanner"
		events = append(events, e)
	}
	return events
}

func mailEqualsItsDefinition(t *testing.T, db *store.Store) {
	own := newSite(t, "mails", "Asia/Shanghai", "CNY")
	g := &traffic{Rand: rand.New(rand.NewPCG(15, 16)), site: own, start: time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC), days: 4}
	events := newsletters(g, 2000)
	insert(t, db, "mails", store.Batch{Events: events})
	q := query(t, own, "2026-11-19", "2026-11-20")
	checkMail(t, answer(t, db, "mail", q), events, q)
}

// checkMail compares the figures of each campaign with a count.
func checkMail(t *testing.T, got *Table, events []*event.Event, q Query) {
	t.Helper()
	type counts struct {
		opens, proxy, machine, clicks, machineClicks int64
		openers, clickers, all                       map[uint64]bool
	}
	want := map[string]*counts{}
	for _, e := range events {
		if Day(e.LocalDay) < q.From || Day(e.LocalDay) > q.To {
			continue
		}
		key := e.Campaign.Name + "/" + e.Campaign.Content
		if want[key] == nil {
			want[key] = &counts{openers: map[uint64]bool{}, clickers: map[uint64]bool{}, all: map[uint64]bool{}}
		}
		c := want[key]
		switch {
		case e.Kind == event.MailOpen && e.Agent.Machine:
			c.machine++
		case e.Kind == event.MailClick && e.Agent.Machine:
			c.machineClicks++
		case e.Kind == event.MailClick:
			c.clicks++
			c.clickers[e.Recipient], c.all[e.Recipient] = true, true
		default:
			if e.Agent.MachineReason == "" {
				c.opens++
			} else {
				c.proxy++
			}
			c.openers[e.Recipient], c.all[e.Recipient] = true, true
		}
	}
	if len(got.Rows) != len(want) || len(want) == 0 {
		t.Fatalf("%d rows, want %d", len(got.Rows), len(want))
	}
	for _, r := range got.Rows {
		c := want[r.Cells[1].(string)+"/"+r.Cells[2].(string)]
		cells := []any{
			r.Cells[0], r.Cells[1], r.Cells[2], int64(0), int64(0), int64(len(c.all)), c.opens, c.proxy, c.machine, int64(len(c.openers)), c.clicks, c.machineClicks,
			int64(len(c.clickers)), float64(len(c.clickers)) / float64(len(c.openers)), nil,
		}
		if len(q.Filters) > 0 { // what was sent is known by campaign only
			cells[3], cells[4] = nil, nil
		}
		sameCells(t, "mail", got.Columns, r.Cells, cells)
	}
}

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

// mailCountsWhatWasSent: mails sent stand beside what became of them, and alone
// where nothing did; a campaign so small that its silence would tell of somebody
// has no row.
func mailCountsWhatWasSent(t *testing.T, db *store.Store) {
	own := newSite(t, "sent", "Asia/Shanghai", "CNY")
	g := &traffic{Rand: rand.New(rand.NewPCG(21, 22)), site: own, start: time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC), days: 1}
	var events []*event.Event
	for i := range 12 {
		e := g.one()
		e.Kind, e.Time, e.LocalDay = event.MailOpen, g.start, own.LocalDay(g.start)
		e.Visitor, e.Session, e.Basis, e.Recipient, e.Agent = 0, 0, event.BasisMail, uint64(1+i%6), event.Agent{Device: "mobile"}
		e.Campaign = event.Campaign{Source: "newsletter", Medium: "email", Name: []string{"spring", "autumn"}[i/6]}
		events = append(events, e)
	}
	insert(t, db, "sent", store.Batch{Events: events})
	of := func(day int32, campaign string, tracked bool, n uint64) store.MailSent {
		return store.MailSent{Site: own.ID, Day: int32(own.LocalDay(g.start)) + day, Source: "newsletter", Medium: "email", Campaign: campaign, Pixel: tracked, Mails: n}
	}
	err := db.AddMailSent(t.Context(), []store.MailSent{
		of(0, "spring", true, 7), of(0, "spring", false, 2), of(1, "spring", true, 1), of(-1, "spring", true, 100), // before
		of(0, "winter", true, 5), of(0, "winter", false, 1), of(0, "plain", false, 5), of(0, "to-anna", true, 1), of(0, "watched", true, 4), of(0, "watched", false, 9),
	})
	if err != nil {
		t.Fatal(err)
	}
	statement := func(recipient uint64, at string, all event.Choice) event.Statement {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		return event.Statement{Site: own.ID, Recipient: recipient, Time: when, All: all, By: "token t", Proof: "form"}
	}
	err = db.PutMailConsents(t.Context(), []event.Statement{
		statement(1, "2026-11-18T15:59:59Z", event.Denied), // the day before, there
		statement(2, "2026-11-18T16:00:00Z", event.Denied),
		statement(3, "2026-11-20T15:59:59Z", event.Denied), statement(3, "2026-11-20T10:00:00Z", event.Denied), // twice
		statement(4, "2026-11-20T16:00:00Z", event.Denied), // the day after
		statement(5, "2026-11-20T10:00:00Z", event.Granted),
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(want, totals string, filters ...string) {
		t.Helper()
		q := query(t, own, "2026-11-19", "2026-11-20", filters...)
		q.Compare = PreviousPeriod
		got := answer(t, db, "mail", q)
		var rows []string
		for _, r := range got.Rows {
			c := r.Cells
			rows = append(rows, fmt.Sprint(c[0], "/", c[1], " ", c[3], " ", c[4], " ", c[5]))
		}
		if text := strings.Join(rows, ", "); text != want {
			t.Errorf("by %v:\n got %s\nwant %s", filters, text, want)
		}
		if text := fmt.Sprint(got.Total("sent"), got.Total("tracked"), got.Total("recipients"), got.Total("unsubscribed")); text != totals {
			t.Errorf("by %v: totals %s, want %s", filters, text, totals)
		}
		if before := got.Compare; len(filters) == 0 && (before.Totals[got.Column("sent")] != int64(100) || before.Totals[got.Column("unsubscribed")] != int64(1)) {
			t.Errorf("before: %v", before.Totals)
		}
	}
	// The two that tell of a few are folded, and one more, so that no difference shows them.
	f("newsletter/spring 10 8 6, newsletter/plain 5 0 0, newsletter/winter 6 5 0, (fewer than 5)/ 14 5 6", "35 18 6 2")
	f("newsletter/winter 6 5 0", "6 5 0 <nil>", "campaign:winter")
	f("newsletter/autumn <nil> <nil> 6, newsletter/spring <nil> <nil> 6", "<nil> <nil> 6 <nil>", "device:mobile")
}

// mailLinksEqualTheirDefinition holds the clicks by link against a count in
// plain Go, with campaigns whose links few followed, a campaign that is folded,
// and links that differ by their query alone.
func mailLinksEqualTheirDefinition(t *testing.T, db *store.Store) {
	own := newSite(t, "links", "Asia/Shanghai", "CNY")
	g := &traffic{Rand: rand.New(rand.NewPCG(23, 24)), site: own, start: time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC), days: 4}
	var events []*event.Event
	for i := range 900 {
		e := g.one()
		e.Kind, e.Visitor, e.Session, e.Basis = event.MailClick, 0, 0, event.BasisMail
		e.Campaign = event.Campaign{Source: "newsletter", Medium: "email", Name: pick(g, "spring", "autumn"), Content: pick(g, "", "footer")}
		e.Recipient = 1 + g.Uint64N(80)
		page := g.IntN(5)
		if page == 4 && g.IntN(12) > 0 { // which few follow
			page = 0
		}
		e.Host, e.Path, e.Props = "s.example", fmt.Sprintf("/tea/%d", page/2), map[string]string{edgemail.LinkProp: fmt.Sprintf("link%d", page)}
		if i%150 == 0 {
			e.Campaign.Name, e.Recipient = "tiny", 1
		}
		// Hours apart, so that no neighbour makes a scanner of anybody.
		e.Time = g.start.Add(time.Duration(i) * 6 * time.Minute)
		e.LocalDay = own.LocalDay(e.Time)
		e.KeepUntil = e.LocalDay + 395
		e.Agent.Machine, e.Agent.MachineReason = g.IntN(9) == 0, ""
		if e.Agent.Machine {
			e.Agent.MachineReason = string(edgemail.ReasonLibrary)
		}
		events = append(events, e)
	}
	insert(t, db, "links", store.Batch{Events: events})
	for _, least := range []int{1, 5, 30} {
		own.MinGroup = least
		q := query(t, own, "2026-11-19", "2026-11-20")
		got := answer(t, db, "mail", q)
		links := got.Part("links")
		var rows []string
		for _, r := range links.Rows {
			rows = append(rows, fmt.Sprintln(r.Cells...))
		}
		if want := linksOf(events, q, got); strings.Join(rows, "") != strings.Join(want, "") {
			t.Errorf("least %d:\n got %q\nwant %q", least, rows, want)
		}
		for _, name := range []string{"clicks", "machine_clicks"} {
			if links.Total(name) != got.Total(name) {
				t.Errorf("least %d: %s by link sum to %v, by campaign to %v", least, name, links.Total(name), got.Total(name))
			}
		}
	}
	own.MinGroup = 5
	for _, r := range answer(t, db, "mail", query(t, own, "2026-11-19", "2026-11-20", "campaign:spring")).Part("links").Rows {
		if r.Cells[3] != "spring" {
			t.Errorf("a row of %v among those of spring", r.Cells)
		}
	}
}

// linksOf counts clicks by link, campaign by campaign in the report's order.
func linksOf(events []*event.Event, q Query, mails *Table) (rows []string) {
	type link struct {
		page, mark      string
		clicks, machine int64
		clickers        map[uint64]bool
	}
	line := func(page, mark string, place []any, clicks int64, clickers int, machine int64) string {
		return fmt.Sprintln(page, mark, place[0], place[1], place[2], clicks, clickers, machine)
	}
	least := q.Site.MinGroup
	label := fmt.Sprintf("(fewer than %d)", least)
	for _, row := range mails.Rows {
		if row.Kind == Folded {
			rows = append(rows, line(label, "", []any{"", "", ""}, mails.cell(row, "clicks"), int(mails.cell(row, "clickers")), mails.cell(row, "machine_clicks")))
			continue
		}
		sums := map[string]*link{}
		for _, e := range events {
			if Day(e.LocalDay) < q.From || Day(e.LocalDay) > q.To || e.Campaign.Source != row.Cells[0] || e.Campaign.Name != row.Cells[1] || e.Campaign.Content != row.Cells[2] {
				continue
			}
			l := sums[e.Props["link"]]
			if l == nil {
				l = &link{page: e.Host + e.Path, mark: e.Props["link"], clickers: map[uint64]bool{}}
				sums[l.mark] = l
			}
			if e.Agent.Machine {
				l.machine++
				continue
			}
			l.clicks++
			l.clickers[e.Recipient] = true
		}
		all := slices.SortedFunc(maps.Values(sums), func(a, b *link) int {
			return cmp.Or(cmp.Compare(len(a.clickers), len(b.clickers)), cmp.Compare(a.page, b.page), cmp.Compare(a.mark, b.mark))
		})
		var fold link
		folded, folding, people := 0, 0, map[uint64]bool{}
		for _, l := range all {
			if len(l.clickers) >= least && (folding == 0 || len(people) >= least) {
				break
			}
			folding++
			maps.Copy(people, l.clickers)
			fold.clicks, fold.machine, folded = fold.clicks+l.clicks, fold.machine+l.machine, folded+len(l.clickers)
		}
		shown := all[folding:]
		slices.SortStableFunc(shown, func(a, b *link) int {
			return cmp.Or(cmp.Compare(b.clicks, a.clicks), cmp.Compare(a.page, b.page), cmp.Compare(a.mark, b.mark))
		})
		for _, l := range shown {
			rows = append(rows, line(l.page, l.mark, row.Cells, l.clicks, len(l.clickers), l.machine))
		}
		if folding > 0 {
			rows = append(rows, line(label, "", row.Cells, fold.clicks, folded, fold.machine))
		}
	}
	return rows
}

// cell is a figure of a row.
func (t *Table) cell(r Row, column string) int64 { return r.Cells[t.Column(column)].(int64) }
