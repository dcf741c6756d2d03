package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

const (
	// bulkDays is how many days traffic in bulk covers: eight whole weeks for
	// retention, and what is left of a ninth.
	bulkDays = 60
	bulkRows = 100_000 // inserted at once
	bulkTell = 10 * time.Second
)

// Whoever said yes to something, in bulk, looks longer and comes again more
// often than the visitors of the demo's month: about 24 events, 2.4 visits.
const (
	bulkPages  = 7.5 // of a visit, after its first, on average
	bulkBasket = .1  // how often something is put into the basket without being bought
	bulkAgain  = .64 // of the visits are followed by another
	bulkOther  = .4  // of those come by a source of their own, the others direct
	// bulkMarketing is how many of those who said yes to something said it to
	// marketing (answerOf).
	bulkMarketing = .58 / .64
)

// bulk makes traffic for a look at large figures, millions of events in
// minutes: straight into ClickHouse, day by day, not by edge and spool. No
// consent record, notice or refusal stands beside its events, and they name no
// ground on which they are kept.
//
// Chance has a fixed beginning: the same site, end and number make the same
// events.
type bulk struct {
	site   *site.Site
	origin string    // of the shop's pages
	end    time.Time // of the traffic
	events int       // how many to make
	random *rand.Rand
	home   string // the host of origin
	from   []event.Campaign
	agents []event.Agent
	prices map[string]event.Amount // of the teas
}

// bulkPerson is a made visitor.
type bulkPerson struct {
	visitor             uint64
	agent, place, first uint8 // indexes; first is the source of the first visit
	marketing           bool
}

// bulkVisit is one planned visit: so small, because millions wait in memory.
type bulkVisit struct {
	person uint32
	ms     uint32 // of the day
	from   uint8
	pages  uint8
	basket uint8
	buys   bool
}

// makeBulk makes traffic in bulk for the demo shop, once.
func (s *service) makeBulk(ctx context.Context, events int, a *app) error {
	made := filepath.Join(s.cfg.DataDir, madeFile)
	if _, err := os.Stat(made); err == nil {
		return fmt.Errorf("the demo in %s has its traffic already: delete that folder to make other", s.cfg.DataDir)
	}
	if err := s.untilReady(ctx); err != nil {
		return err
	}
	making := filepath.Join(s.cfg.DataDir, makingFile)
	if err := os.WriteFile(making, nil, 0o600); err != nil {
		return fmt.Errorf("make traffic in bulk: %w", err)
	}
	st, _ := s.live.Load().Site(shopSite) // demoCmd.Run found it
	traffic := newBulk(st, s.cfg.Edge.PublicURL, time.Now().UTC(), events)
	began, told := time.Now(), time.Now()
	err := traffic.fill(ctx, s.store, func(n int) {
		if time.Since(told) > bulkTell {
			told = time.Now()
			fmt.Fprintf(a.stdout, "%d of %d events are made.\n", n, events)
		}
	})
	if err != nil {
		return err
	}
	if err := os.Rename(making, made); err != nil {
		return fmt.Errorf("make traffic in bulk: %w", err)
	}
	fmt.Fprintf(a.stdout, "%d made events of %d days are in the reports (%.0f s).\n", events, bulkDays, time.Since(began).Seconds())
	return nil
}

func newBulk(st *site.Site, shop *url.URL, end time.Time, events int) *bulk {
	b := &bulk{
		site: st, origin: shop.Scheme + "://" + shop.Host, home: shop.Hostname(), end: end, events: events,
		random: rand.New(rand.NewPCG(1, 2)), prices: map[string]event.Amount{},
	}
	for _, s := range madeSources {
		c := enrich.ParseSource(b.origin+"/shop/?"+s.query, s.referrer, st.Covers)
		b.from = append(b.from, event.Campaign{
			Source: c.Source, Medium: c.Medium, Name: c.Campaign, Content: c.Content, Term: c.Term, ID: c.CampaignID,
			ClickIDKind: c.ClickIDKind, Channel: c.Channel, ReferrerHost: c.ReferrerHost,
		})
	}
	reader := enrich.NewAgents()
	for _, text := range madeAgents {
		agent := reader.Parse([]byte(text))
		b.agents = append(b.agents, event.Agent{Browser: agent.Browser, OS: agent.OS, Device: agent.Device})
	}
	for _, t := range teas {
		price, _ := strconv.ParseFloat(t.Price, 64) // ours, so it is a number
		b.prices[t.ID] = event.Amount(math.Round(price * 10_000))
	}
	return b
}

// bulkStore is what of a store it needs.
type bulkStore interface {
	Insert(ctx context.Context, token string, b store.Batch) error
}

// fill makes the events and tells how many there are, now and then.
func (b *bulk) fill(ctx context.Context, db bulkStore, tell func(made int)) error {
	people, days := b.plan()
	var rows store.Batch
	made := 0
	insert := func() error {
		made += len(rows.Events)
		if err := db.Insert(ctx, fmt.Sprint("made in bulk, up to ", made), rows); err != nil {
			return fmt.Errorf("make events in bulk: %w", err)
		}
		rows.Events = rows.Events[:0]
		tell(made)
		return nil
	}
	for day, visits := range days {
		for _, v := range visits {
			rows.Events = b.visit(rows.Events, people[v.person], v, b.midnight(day).Add(time.Duration(v.ms)*time.Millisecond))
			if len(rows.Events) >= bulkRows {
				if err := insert(); err != nil {
					return err
				}
			}
		}
		days[day] = nil
	}
	if left := b.events - made; left < len(rows.Events) {
		rows.Events = rows.Events[:left] // the last visit is one too long
	}
	return insert()
}

// midnight is when a day of the traffic begins, in the site's zone: the last one
// is the day before end.
func (b *bulk) midnight(day int) time.Time {
	y, m, d := b.end.In(b.site.Zone).Date()
	return time.Date(y, m, d+day-bulkDays, 0, 0, 0, 0, b.site.Zone)
}

// plan makes people and their visits, by day, until there are enough events.
func (b *bulk) plan() (people []bulkPerson, days [bulkDays][]bulkVisit) {
	r := b.random
	places := chancesOf(len(madePlaces), func(i int) float64 { return madePlaces[i].weight })
	sources := chancesOf(len(madeSources), func(i int) float64 { return madeSources[i].weight })
	hours := chancesOf(len(hourly), func(i int) float64 { return hourly[i] })
	first := chancesOf(bulkDays, func(i int) float64 { return dayWeight(b.midnight(i).Weekday(), float64(i)/bulkDays) })
	for planned := 0; planned < b.events; {
		p := bulkPerson{
			visitor: max(1, r.Uint64()), agent: uint8(r.IntN(len(madeAgents))), place: uint8(places.pick(r)),
			first: uint8(sources.pick(r)), marketing: r.Float64() < bulkMarketing,
		}
		people = append(people, p)
		from := p.first
		for day := first.pick(r); day < bulkDays && planned < b.events; day += 1 + int(r.ExpFloat64()*4) {
			v := bulkVisit{
				person: uint32(len(people) - 1), from: from, pages: uint8(1 + poisson(r, bulkPages)),
				ms:     uint32(hours.pick(r)*3_600_000 + r.IntN(3_600_000)),
				basket: uint8(poisson(r, bulkBasket)),
				buys:   p.marketing && r.Float64() < madeSources[from].sells,
			}
			days[day] = append(days[day], v)
			planned += v.events(p)
			if r.Float64() > bulkAgain {
				break
			}
			if from = 0; r.Float64() < bulkOther {
				from = uint8(sources.pick(r))
			}
		}
	}
	return people, days
}

// events is how many events a visit makes.
func (v bulkVisit) events(p bulkPerson) int {
	n := int(v.pages) + int(v.basket)
	if p.marketing {
		n++
	}
	if v.buys {
		n += 2
	}
	return n
}

// visit appends the events of a visit, a minute or less apart.
func (b *bulk) visit(to []*event.Event, p bulkPerson, v bulkVisit, at time.Time) []*event.Event {
	session, bought := b.random.Uint64(), teas[b.random.IntN(len(teas))]
	kept := int32(b.site.RetainEvents / (24 * time.Hour))
	add := func(kind event.Kind, path string) *event.Event {
		e := &event.Event{
			Time: at.UTC(), LocalDay: b.site.LocalDay(at), Site: b.site.ID, Kind: kind, Visitor: p.visitor, Session: session,
			Attributed: p.marketing, Host: b.home, Path: path, Agent: b.agents[p.agent],
			Place: event.Place{Country: madePlaces[p.place].country}, Language: madePlaces[p.place].language[:2],
		}
		binary.BigEndian.PutUint64(e.ID[:8], b.random.Uint64())
		binary.BigEndian.PutUint64(e.ID[8:], b.random.Uint64())
		e.KeepUntil = e.LocalDay + kept
		if p.marketing {
			e.Campaign = b.from[v.from]
		}
		to = append(to, e)
		return e
	}
	if p.marketing {
		add(event.Visit, "/shop/").First = b.from[p.first]
	}
	for n := range v.pages {
		path := "/shop/"
		if n > 0 {
			path = "/shop/tea/" + teas[b.random.IntN(len(teas))].ID
			at = at.Add(time.Duration(1+b.random.IntN(60_000)) * time.Millisecond)
		}
		add(event.PageView, path)
	}
	for range v.basket {
		add(event.Custom, "/shop/tea/"+bought.ID).Name = "basket"
	}
	if v.buys {
		add(event.Custom, "/shop/tea/"+bought.ID).Name = "basket"
		at = at.Add(time.Minute)
		e := add(event.Conversion, "/shop/bought")
		e.Value, e.Currency, e.Order = b.prices[bought.ID], b.site.Currency, fmt.Sprintf("B%x", session)
	}
	return to
}

// chances are sums of weights, up to each of what is to be chosen from.
type chances []float64

func chancesOf(n int, weight func(i int) float64) chances {
	all, sum := make(chances, n), 0.0
	for i := range all {
		sum += weight(i)
		all[i] = sum
	}
	return all
}

func (c chances) pick(r *rand.Rand) int {
	return min(sort.SearchFloat64s(c, r.Float64()*c[len(c)-1]), len(c)-1)
}
