package mail

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/enrich"
)

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"

func TestClassify(t *testing.T) {
	at := func(after time.Duration) Hit {
		return Hit{Method: "GET", UserAgent: chrome, Sent: sentAt, At: sentAt.Add(after)}
	}
	open, click := at(time.Hour), at(time.Hour)
	open.Open = true
	with := func(h Hit, change func(*Hit)) Hit { change(&h); return h }
	for name, c := range map[string]struct {
		hit    Hit
		reason Reason
		class  Class
	}{
		"a person opens":       {open, ReasonNone, Person},
		"a person clicks":      {click, ReasonNone, Person},
		"HEAD":                 {with(click, func(h *Hit) { h.Method = "HEAD" }), ReasonMethod, Uncounted},
		"Sec-Purpose":          {with(click, func(h *Hit) { h.SecPurpose = "prefetch;prerender" }), ReasonPrefetch, Prefetch},
		"Purpose":              {with(open, func(h *Hit) { h.Purpose = "Preview" }), ReasonPrefetch, Prefetch},
		"X-Moz":                {with(open, func(h *Hit) { h.XMoz = "prefetch" }), ReasonPrefetch, Prefetch},
		"X-Purpose":            {with(open, func(h *Hit) { h.XPurpose = "prerender" }), ReasonPrefetch, Prefetch},
		"another purpose":      {with(open, func(h *Hit) { h.SecPurpose = "navigation" }), ReasonNone, Person},
		"no agent":             {with(open, func(h *Hit) { h.UserAgent = "" }), ReasonEmpty, Machine},
		"Apple opens":          {with(open, func(h *Hit) { h.UserAgent, h.Bot = "Mozilla/5.0", "malformed" }), ReasonApple, Proxied},
		"Apple does not click": {with(click, func(h *Hit) { h.UserAgent, h.Bot = "Mozilla/5.0", "malformed" }), "malformed", Machine},
		"Gmail opens": {with(open, func(h *Hit) {
			h.UserAgent, h.Bot = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "preview"
		}), ReasonGoogle, Proxied},
		"Yahoo opens":               {with(open, func(h *Hit) { h.UserAgent, h.Bot = "YahooMailProxy; https://help.yahoo.com/", "preview" }), ReasonYahoo, Proxied},
		"an image proxy clicks":     {with(click, func(h *Hit) { h.UserAgent, h.Bot = "x (via ggpht.com GoogleImageProxy)", "preview" }), "preview", Machine},
		"a mail server":             {with(open, func(h *Hit) { h.Network = NetworkScanner }), ReasonNetwork, Scanner},
		"a gateway's network":       {with(click, func(h *Hit) { h.Network = NetworkGateway }), ReasonNone, Person},
		"the trap":                  {with(click, func(h *Hit) { h.Trap = true }), ReasonTrap, Scanner},
		"2 s after sending":         {at(2 * time.Second), ReasonSoon, Scanner},
		"before sending":            {at(-time.Second), ReasonSoon, Scanner},
		"7 s after sending":         {at(7 * time.Second), ReasonNone, Person},
		"30 s, a gateway's network": {with(at(30*time.Second), func(h *Hit) { h.Network = NetworkGateway }), ReasonSoon, Scanner},
		"2 s, but an open":          {with(at(2*time.Second), func(h *Hit) { h.Open = true }), ReasonNone, Person},
		"sending unknown":           {with(at(2*time.Second), func(h *Hit) { h.Sent = time.Time{} }), ReasonNone, Person},
		"a gateway's agent":         {with(click, func(h *Hit) { h.UserAgent = "Mozilla/5.0 (compatible; Mimecast URL Protect)" }), ReasonGateway, Scanner},
		"enrich's scanner":          {with(click, func(h *Hit) { h.Bot = enrich.MachineScanner }), ReasonScanner, Scanner},
		"curl":                      {with(click, func(h *Hit) { h.UserAgent = "curl/8.5.0" }), ReasonLibrary, Machine},
		"Go":                        {with(click, func(h *Hit) { h.UserAgent = "Go-http-client/2.0" }), ReasonLibrary, Machine},
		"headless":                  {with(click, func(h *Hit) { h.UserAgent = strings.Replace(chrome, "Chrome", "HeadlessChrome", 1) }), ReasonHeadless, Machine},
		"an image by Outlook": {with(open, func(h *Hit) {
			h.UserAgent = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.5530; Pro)"
		}), ReasonNone, Person},
		"a click without a browser": {with(click, func(h *Hit) { h.UserAgent = "Feeder / 1.10.8(88)" }), ReasonNoBrowser, Machine},
		"a bot":                     {with(click, func(h *Hit) { h.UserAgent = "My Bot/1.0" }), ReasonCrawler, Machine},
		"a telephone named Cubot":   {with(click, func(h *Hit) { h.UserAgent = "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) Chrome/126.0.0.0" }), ReasonNone, Person},
	} {
		got := Classify(c.hit)
		if got != c.reason || got.Class() != c.class || got.Machine() != (c.class < Proxied) {
			t.Errorf("%s: %q, %v, want %q, %v", name, got, got.Class(), c.reason, c.class)
		}
	}
}

// TestPrecisionAndRecall judges every sample agent of crawler-user-agents and
// the agents of people. Mail proxies stand for people and are counted apart.
func TestPrecisionAndRecall(t *testing.T) {
	text, err := os.ReadFile(nodeModules + "/crawler-user-agents/crawler-user-agents.json")
	if err != nil {
		t.Fatalf("%v: run make setup first", err)
	}
	var list []struct{ Instances []string }
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	agents := enrich.NewAgents()
	judge := func(ua string, open, alone bool) Class {
		h := Hit{Method: "GET", UserAgent: ua, Open: open}
		if !alone {
			h.Bot = agents.Parse([]byte(ua)).MachineReason
		}
		return Classify(h).Class()
	}
	for _, alone := range []bool{true, false} {
		samples, found, proxies, falsely := 0, 0, 0, 0
		var missed []string
		for _, entry := range list {
			for _, ua := range entry.Instances {
				if strings.Contains(ua, "GoogleImageProxy") || strings.Contains(ua, "YahooMailProxy") {
					if got := judge(ua, true, alone); got != Proxied {
						t.Errorf("%q opens as %v, want proxied", ua, got)
					}
					proxies++
					continue
				}
				samples++
				if judge(ua, false, alone) < Proxied {
					found++
				} else {
					missed = append(missed, ua)
				}
			}
		}
		for _, ua := range people {
			for _, open := range []bool{true, false} {
				if got := judge(ua, open, alone); got != Person {
					falsely++
					t.Logf("a person taken for a %v: %s", got, ua)
				}
			}
		}
		recall := float64(found) / float64(samples)
		precision := float64(found) / float64(found+falsely)
		t.Logf("mail's rules alone: %v; recall %.4f (%d of %d samples), precision %.4f (%d wrong of %d people's hits), %d mail proxies",
			alone, recall, found, samples, precision, falsely, 2*len(people), proxies)
		if falsely != 0 || proxies < 2 || samples < 2000 || len(people) < 60 {
			t.Errorf("%d people taken for machines, %d proxies, %d samples, %d people", falsely, proxies, samples, len(people))
		}
		if alone && recall < 0.6 || !alone && recall < 0.97 {
			t.Errorf("recall %.4f; missed %q", recall, missed[:min(40, len(missed))])
		}
	}
}

func TestFold(t *testing.T) {
	click := func(ms int, link uint64, reason Reason) Seen {
		return Seen{At: sentAt.Add(time.Duration(ms) * time.Millisecond), Link: link, Reason: reason}
	}
	open := func(ms int, reason Reason) Seen {
		return Seen{At: sentAt.Add(time.Duration(ms) * time.Millisecond), Open: true, Reason: reason}
	}
	for name, c := range map[string]struct {
		hits            []Seen
		want            string // reasons
		opened, clicked Class
	}{
		"nothing":                     {nil, "", Uncounted, Uncounted},
		"a person":                    {[]Seen{open(0, ""), click(20, 1, "")}, ",", Person, Person},
		"one link twice":              {[]Seen{click(0, 1, ""), click(300, 1, "")}, ",", Uncounted, Person},
		"two links in a second":       {[]Seen{click(0, 1, ""), click(1000, 2, "")}, "burst,burst", Uncounted, Scanner},
		"two links, slowly":           {[]Seen{click(0, 1, ""), click(1001, 2, "")}, ",", Uncounted, Person},
		"in any order":                {[]Seen{click(900, 2, ""), open(0, ""), click(0, 1, "")}, "burst,,burst", Person, Scanner},
		"a burst, then a person":      {[]Seen{click(0, 1, ""), click(9, 2, ""), click(9000, 1, "")}, "burst,burst,", Uncounted, Person},
		"around one link":             {[]Seen{click(0, 1, ""), click(500, 1, ""), click(900, 2, ""), click(1200, 1, "")}, "burst,burst,burst,burst", Uncounted, Scanner},
		"a machine's part":            {[]Seen{click(0, 1, ""), click(400, 2, "library")}, "burst,library", Uncounted, Machine},
		"fetched ahead beside":        {[]Seen{click(0, 1, ""), click(400, 2, ReasonPrefetch)}, ",prefetch", Uncounted, Person},
		"HEAD beside":                 {[]Seen{click(0, 1, ""), click(400, 2, ReasonMethod)}, ",method", Uncounted, Person},
		"the trap, 10 s around":       {[]Seen{click(0, 1, ""), click(10000, 9, ReasonTrap), click(20000, 2, ""), click(20001, 3, "")}, "trap,trap,trap,burst", Uncounted, Scanner},
		"the trap is over":            {[]Seen{click(0, 9, ReasonTrap), click(10001, 1, "")}, "trap,", Uncounted, Person},
		"an open near the trap":       {[]Seen{click(0, 9, ReasonTrap), open(10, "")}, "trap,", Person, Scanner},
		"a later open by a person":    {[]Seen{open(0, ReasonNetwork), open(5000, ReasonApple), open(90000, "")}, "mail_network,apple_mpp,", Person, Uncounted},
		"a proxy beats a scanner":     {[]Seen{open(0, ReasonNetwork), open(5000, ReasonGoogle)}, "mail_network,google_proxy", Proxied, Uncounted},
		"soon keeps its reason":       {[]Seen{click(0, 1, ReasonSoon), click(100, 2, ReasonSoon)}, "soon_after,soon_after", Uncounted, Scanner},
		"an open between two clicks":  {[]Seen{click(0, 1, ""), open(1, ""), click(2, 2, "")}, "burst,,burst", Person, Scanner},
		"an open and a click at once": {[]Seen{open(0, ""), click(0, 1, "")}, ",", Person, Person},
	} {
		got := Fold(c.hits)
		var reasons []string
		for _, r := range got.Reasons {
			reasons = append(reasons, string(r))
		}
		if strings.Join(reasons, ",") != c.want || got.Opened != c.opened || got.Clicked != c.clicked {
			t.Errorf("%s: %q opened %v clicked %v, want %q %v %v", name, reasons, got.Opened, got.Clicked, c.want, c.opened, c.clicked)
		}
	}
}

// TestFoldIsThePlainRule compares Fold with the rule as one would say it, and
// with itself in another order.
func TestFoldIsThePlainRule(t *testing.T) {
	plain := func(hits []Seen, i int) Reason {
		reason := hits[i].Reason
		if hits[i].Open || reason != ReasonNone {
			return reason
		}
		for k, h := range hits {
			if k == i || h.Open || h.Reason.Class() <= Prefetch {
				continue
			}
			apart := h.At.Sub(hits[i].At).Abs()
			if h.Reason == ReasonTrap && apart <= trapWindow {
				return ReasonTrap
			}
			if h.Link != hits[i].Link && apart <= burstWindow && reason == ReasonNone {
				reason = ReasonBurst
			}
		}
		return reason
	}
	rapid.Check(t, func(t *rapid.T) {
		hits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Seen {
			return Seen{
				At:     sentAt.Add(time.Duration(rapid.IntRange(0, 30000).Draw(t, "ms")) * time.Millisecond),
				Open:   rapid.IntRange(0, 4).Draw(t, "open") == 0,
				Link:   rapid.Uint64Range(1, 3).Draw(t, "link"),
				Reason: rapid.SampledFrom([]Reason{"", "", "", "", ReasonTrap, ReasonPrefetch, ReasonMethod, "library", ReasonBurst}).Draw(t, "reason"),
			}
		}), 0, 20).Draw(t, "hits")
		for i := range hits {
			if hits[i].Open && hits[i].Reason == ReasonTrap || hits[i].Reason == ReasonBurst {
				hits[i].Reason = ReasonNone
			}
		}
		got := Fold(hits)
		for i := range hits {
			if want := plain(hits, i); got.Reasons[i] != want {
				t.Fatalf("hit %d of %+v is %q, want %q", i, hits, got.Reasons[i], want)
			}
		}
		order := rand.Perm(len(hits))
		mixed := make([]Seen, len(hits))
		for i, from := range order {
			mixed[i] = hits[from]
		}
		again := Fold(mixed)
		for i, from := range order {
			if again.Reasons[i] != got.Reasons[from] {
				t.Fatalf("the order changes hit %d of %+v", from, hits)
			}
		}
	})
}
