package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// madeMail sends the made month's letters to made readers, and does with each
// what its reader, their mail program and their employer's scanner do: over HTTP
// to the edge, like all traffic of the month.
type madeMail struct {
	traffic *madeTraffic
	mailer  *mailer
	heard   *withdrawal.Set // what the edge knows of readers
	site    *site.Site
	readers []*madeReader
	acts    map[int][]madeAct // by step
}

// madeAct is one thing that happens to a letter.
type madeAct func(ctx context.Context) error

// madeReader is a made subscriber, and a visitor once a link was followed.
type madeReader struct {
	mu      sync.Mutex // held by an act: letters of two weeks may be opened in one step
	who     *madeVisitor
	address string
	program mailProgram
	came    bool // to the shop
}

// mailProgram is what a reader's mail passes through.
type mailProgram uint8

const (
	ownProgram mailProgram = iota
	appleProxy             // fetches every image, whether the mail is read or not
	googleProxy
	gateway // the reader's employer opens every mail and follows its links
)

// madeLetter is one that goes out on a day of the month, at an hour in the
// shop's zone.
type madeLetter struct {
	day, hour         int
	campaign, content string
	interest          float64 // how much more often than others it is read
}

var madeLetters = []madeLetter{
	{3, 10, "autumn-tea", "", .9},
	{10, 10, "new-harvest", "", 1},
	{17, 9, "singles-day", "first-call", 1.5},
	{19, 19, "singles-day", "last-call", 1.2},
	{26, 10, "winter-tea", "", .7},
}

// How readers behave, of one.
const (
	chanceOpens  = .82 // to agree that opening is counted
	chanceClicks = .74 // and following links too
	chanceReads  = .46 // a letter
	chanceClick  = .3  // a link of a letter that is read
	chanceLeaves = .007

	readersPerVisit = 2.5 // of a day
)

// gatherReaders makes the shop's subscribers, who said before the month what
// their mail may tell.
func (m *madeMail) gatherReaders(ctx context.Context, n int, before time.Time) error {
	r := m.traffic.random
	var said []console.MailConsent
	var entries []withdrawal.Entry
	for i := range n {
		who := newMadeVisitor(r)
		who.answer = "accept" // whoever follows a letter's link is asked on the page, like all
		if r.Float64() > .8 {
			who.answer = answerOf(r)
		}
		one := &madeReader{who: who, address: fmt.Sprintf("reader%d@tea.example", i), program: programOf(r)}
		m.readers = append(m.readers, one)
		if r.Float64() > chanceOpens {
			continue // nothing was ever said: nothing is measured
		}
		consent := console.MailConsent{Site: m.site, Recipient: one.address, Open: console.SaidYes, Click: console.SaidNo, Time: before, Proof: "the demo's form"}
		entry := withdrawal.Entry{Site: m.site.ID, Time: before, Open: withdrawal.Granted, Click: withdrawal.Denied}
		if r.Float64() < chanceClicks {
			consent.Click, entry.Click = console.SaidYes, withdrawal.Granted
		}
		address, err := mail.ParseAddress(one.address)
		if err != nil {
			return fmt.Errorf("make the shop's readers: %w", err)
		}
		entry.Recipient = address.Recipient(m.mailer.ring, m.site.ID)
		said, entries = append(said, consent), append(entries, entry)
	}
	if err := m.mailer.Consents(ctx, "the demo", said); err != nil {
		return fmt.Errorf("keep what the shop's readers said: %w", err)
	}
	return m.heard.Add(entries...)
}

func programOf(r *rand.Rand) mailProgram {
	switch at := r.Float64(); {
	case at < .34:
		return appleProxy
	case at < .52:
		return googleProxy
	case at < .6:
		return gateway
	}
	return ownProgram
}

// due sends the letters of a step and returns what happens to letters in it.
func (m *madeMail) due(ctx context.Context, i int, at time.Time) ([]madeAct, error) {
	if m == nil {
		return nil, nil
	}
	local := at.In(m.site.Zone)
	for _, letter := range madeLetters {
		if day := i / stepsPerDay; day == letter.day && local.Hour() == letter.hour && local.Minute() < int(madeStep/time.Minute) {
			if err := m.send(ctx, i, letter); err != nil {
				return nil, err
			}
		}
	}
	acts := m.acts[i]
	delete(m.acts, i)
	if len(acts) > 0 {
		m.hear()
	}
	return acts, nil
}

// hear lets the edge rely on what it knows of readers at this moment of the made
// month: there is nobody else to hear of.
func (m *madeMail) hear() {
	once, cancel := context.WithCancel(context.Background())
	cancel()
	m.heard.Follow(once, nobodyElse{}, time.Hour)
}

// nobodyElse is the feed of a node that is alone.
type nobodyElse struct{}

// Since says that nothing was said elsewhere.
func (nobodyElse) Since(_ context.Context, cursor string) (withdrawal.Page, error) {
	return withdrawal.Page{Cursor: cursor}, nil
}

// send makes a letter for each reader and plans what becomes of it.
func (m *madeMail) send(ctx context.Context, i int, letter madeLetter) error {
	wanted := make([]console.MailWanted, len(m.readers))
	for n, reader := range m.readers {
		wanted[n] = console.MailWanted{
			Site: m.site.ID, Campaign: letter.campaign, Content: letter.content, Recipient: reader.address, Ref: fmt.Sprint(n), List: "letters", HTML: m.page(),
		}
	}
	made, err := m.mailer.Instrument(ctx, m.site, wanted)
	if err != nil {
		return fmt.Errorf("make the letter %s: %w", letter.campaign, err)
	}
	for n, one := range made {
		if errors.Is(one.Err, console.ErrUnsubscribed) {
			continue
		}
		if one.Err != nil {
			return fmt.Errorf("make the letter %s: %w", letter.campaign, one.Err)
		}
		m.plan(i, m.readers[n], parseLetter(one.Made), chanceReads*letter.interest)
	}
	return nil
}

// page is what stands in a letter. Its links name the shop without its port: on
// the edge's own address, where the demo has it, links would stay as they are.
func (m *madeMail) page() string {
	shop := "https://" + m.site.Domains[0] + "/shop/"
	page := "<p>Tea has come.</p>"
	for _, t := range teas {
		page += fmt.Sprintf(`<p><a href="%stea/%s">%s</a></p>`, shop, t.ID, html.EscapeString(t.Name["en"]))
	}
	return page + fmt.Sprintf(`<p><a href="%s">All teas</a></p>`, shop)
}

// letterParts are the paths on the edge that a letter knows; links lead straight
// to the shop for a reader whose clicks are not counted.
type letterParts struct {
	pixel, leave string
	links        []string
}

var letterAddress = regexp.MustCompile(`(?:href|src)="([^"]+)"`)

func parseLetter(made *console.MailMade) letterParts {
	var out letterParts
	for _, found := range letterAddress.FindAllStringSubmatch(made.HTML, -1) {
		switch path := pathOf(html.UnescapeString(found[1])); {
		case strings.HasPrefix(path, "/o/"):
			out.pixel = path
		default:
			out.links = append(out.links, path)
		}
	}
	out.leave = pathOf(made.Leave)
	return out
}

// pathOf is an address without its host.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "/" // ours, so it is an address
	}
	return u.RequestURI()
}

// passerby is whoever fetches something once, without a browser's cookies.
func passerby(address, agent string) *madeVisitor {
	return &madeVisitor{address: address, agent: agent, cookies: map[string]string{}}
}

const stepsPerHour = float64(time.Hour / madeStep)

// plan says what becomes of a reader's letter that is sent in a step.
func (m *madeMail) plan(sent int, reader *madeReader, letter letterParts, chance float64) {
	r := reader.who.random
	in := func(step int, act madeAct) {
		m.acts[step] = append(m.acts[step], func(ctx context.Context) error {
			reader.mu.Lock()
			defer reader.mu.Unlock()
			return act(ctx)
		})
	}
	read, opened := r.Float64() < chance, sent+1+int(r.ExpFloat64()*7*stepsPerHour)
	switch reader.program {
	case appleProxy:
		in(sent+1+int(r.ExpFloat64()*stepsPerHour), func(ctx context.Context) error { return m.fetch(ctx, appleFetcher, letter.pixel) })
	case googleProxy:
		if read {
			in(opened, func(ctx context.Context) error { return m.fetch(ctx, googleFetcher, letter.pixel) })
		}
	case gateway:
		in(sent, func(ctx context.Context) error { return m.scan(ctx, letter) })
		fallthrough
	case ownProgram:
		if read {
			in(opened, func(ctx context.Context) error { return m.fetch(ctx, reader.who, letter.pixel) })
		}
	}
	switch {
	case r.Float64() < chanceLeaves:
		in(opened, func(ctx context.Context) error {
			_, err := m.traffic.send(ctx, passerby(reader.who.address, reader.who.agent), http.MethodPost, letter.leave, nil)
			return err
		})
	case read && r.Float64() < chanceClick:
		link := letter.links[min(len(letter.links)-1, int(r.ExpFloat64()*1.3))] // the first ones most
		in(opened+1+int(r.Float64()*stepsPerHour/2), func(ctx context.Context) error { return m.follow(ctx, reader, link) })
	}
}

// Who fetches images for their users.
var (
	appleFetcher  = passerby("17.58.10.7", "Mozilla/5.0")
	googleFetcher = passerby("66.249.84.20", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)")
	scanner       = passerby("203.0.113.9", "Barracuda Sentinel (EE)")
)

// fetch loads a letter's image, where it has one.
func (m *madeMail) fetch(ctx context.Context, who *madeVisitor, pixel string) error {
	if pixel == "" {
		return nil
	}
	_, err := m.traffic.send(ctx, passerby(who.address, who.agent), http.MethodGet, pixel, nil)
	return err
}

// scan opens a letter and follows all of its links at once, as a mail gateway does.
func (m *madeMail) scan(ctx context.Context, letter letterParts) error {
	if err := m.fetch(ctx, scanner, letter.pixel); err != nil {
		return err
	}
	for _, link := range letter.links {
		if !strings.HasPrefix(link, "/c/") {
			continue // straight to the shop
		}
		if _, err := m.traffic.send(ctx, passerby(scanner.address, scanner.agent), http.MethodGet, link, nil); err != nil {
			return err
		}
	}
	return nil
}

// follow clicks a link and visits the shop where it leads.
func (m *madeMail) follow(ctx context.Context, reader *madeReader, link string) error {
	if strings.HasPrefix(link, "/c/") {
		to, err := m.traffic.send(ctx, reader.who, http.MethodGet, link, nil)
		if err != nil {
			return err
		}
		link = pathOf(to)
	}
	r := reader.who.random
	first := !reader.came
	reader.came = true
	return m.traffic.visit(ctx, madeVisit{
		who: reader.who, from: madeSource{sells: .14}, landing: m.traffic.origin + link, first: first, pages: 1 + poisson(r, 1.8),
		purchase: r.Float64(), order: m.traffic.nextOrder(),
	})
}
