package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// silence is a feed in which nobody ever says anything.
type silence struct{}

func (silence) Since(context.Context, string) (withdrawal.Page, error) { return withdrawal.Page{}, nil }

// newMailWorld is a world whose edge hears what other nodes were told.
func newMailWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	w := newWorld(t, []*site.Site{testSite(), testSite(func(s *site.Site) { s.ID = "blog" })}, change...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.srv.opts.Withdrawn.Follow(ctx, silence{}, time.Millisecond)
	}()
	t.Cleanup(func() { cancel(); <-done })
	w.heard()
	return w
}

// heard waits until the edge has heard of other nodes by the world's clock.
func (w *world) heard() {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); w.srv.opts.Withdrawn.Ready(w.now()) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("the edge never heard of other nodes")
		}
	}
}

func (w *world) says(e withdrawal.Entry) {
	w.t.Helper()
	if e.Site == "" {
		e.Site = "shop"
	}
	if e.Time.IsZero() {
		e.Time = w.now()
	}
	if err := w.srv.opts.Withdrawn.Add(e); err != nil {
		w.t.Fatal(err)
	}
}

const offer = "https://www.shop.example/tea?utm_source=newsletter&utm_medium=email&utm_campaign=Autumn#cups"

func newsletter(recipient uint64) identity.Link {
	return identity.Link{
		Site: "shop", Recipient: recipient, Sent: testStart.Add(-time.Hour),
		Campaign: event.Campaign{Source: "newsletter", Medium: "email", Name: "Autumn", Content: "a"},
	}
}

// path seals a link and returns the address that it has below the edge.
func (w *world) path(use identity.Use, l identity.Link) string {
	w.t.Helper()
	if use == identity.Click && l.Destination == "" {
		l.Destination = offer
	}
	token, err := w.srv.opts.Ring.SealLink(use, l)
	if err != nil {
		w.t.Fatal(err)
	}
	return linkPath(use, token)
}

func linkPath(use identity.Use, token string) string {
	switch use {
	case identity.Click:
		return "/c/" + token
	case identity.Impression:
		return "/i/" + token + ".gif"
	case identity.Open:
		return "/o/" + token + ".gif"
	case identity.Unsubscribe:
		return "/u/" + token
	}
	return "/m/" + token
}

// reader is somebody's browser or mail program, which sends no Origin.
func (w *world) reader() *browser {
	b := w.browser()
	b.header.Del("Origin")
	return b
}

// follow checks that a click leads where it should and an image is one.
func (b *browser) touch(use identity.Use, path string) answer {
	b.w.t.Helper()
	a := b.get(path)
	switch {
	case use == identity.Click && (a.status != 302 || a.header.Get("Location") != offer || a.header.Get("Cache-Control") != "no-store"):
		b.w.t.Errorf("a click was answered %d, to %q", a.status, a.header.Get("Location"))
	case use != identity.Click && (a.status != 200 || a.body != string(gif) || a.header.Get("Content-Type") != "image/gif" || a.header.Get("Cache-Control") != "no-cache, no-store, must-revalidate"):
		b.w.t.Errorf("an image was answered %d, %q", a.status, a.body)
	}
	return a
}

// TestPolicy_6_4_MailIsMeasuredByConsentAlone: what is kept of an open and a
// click in each state of the recipient, and what is answered: always the same.
func TestPolicy_6_4_MailIsMeasuredByConsentAlone(t *testing.T) {
	w := newMailWorld(t)
	const granted, denied = withdrawal.Granted, withdrawal.Denied
	for n, c := range []struct {
		said        withdrawal.Entry
		open, click string
	}{
		{withdrawal.Entry{}, "refused; reason=no_consent", "refused; reason=no_consent"},
		{withdrawal.Entry{Open: granted}, "recorded", "refused; reason=no_consent"},
		{withdrawal.Entry{Click: granted}, "refused; reason=no_consent", "recorded"},
		{withdrawal.Entry{Open: granted, Click: denied}, "recorded", "refused; reason=withdrawn"},
		{withdrawal.Entry{Open: granted, Click: granted}, "recorded", "recorded"},
		{withdrawal.Entry{Open: granted, Click: granted, Mail: denied}, "refused; reason=unsubscribed", "refused; reason=unsubscribed"},
		{withdrawal.Entry{Site: "blog", Open: granted, Click: granted}, "refused; reason=no_consent", "refused; reason=no_consent"},
	} {
		recipient := uint64(n) + 1
		c.said.Recipient = recipient
		if c.said != (withdrawal.Entry{Recipient: recipient}) {
			w.says(c.said)
		}
		b := w.reader()
		b.cookies["kj_vid_shop"] = "x"
		for use, want := range map[identity.Use]string{identity.Open: c.open, identity.Click: c.click} {
			a := b.touch(use, w.path(use, newsletter(recipient)))
			if a.result() != want || len(a.set) != 0 {
				t.Errorf("%+v, %s: %q and %d cookies, want %q", c.said, use, a.result(), len(a.set), want)
			}
			kept := w.events()
			if (len(kept) == 1) != (want == "recorded") {
				t.Fatalf("%+v, %s: %d rows", c.said, use, len(kept))
			}
			for _, e := range kept {
				if e.Visitor != 0 || e.Session != 0 || e.Record != ([16]byte{}) || e.Recipient != recipient || e.Basis != event.BasisMail ||
					e.Campaign.Name != "Autumn" || e.Campaign.Channel != "Email" || e.Campaign.Content != "a" || e.Agent.Machine {
					t.Errorf("the row: %+v", e)
				}
				if use == identity.Click && (e.Host != "www.shop.example" || e.Path != "/tea" || e.Props[mail.LinkProp] == "") {
					t.Errorf("the click's row: %+v", e)
				}
			}
		}
	}
	w.says(withdrawal.Entry{Recipient: 100, Open: granted, Click: granted})
	for name, l := range map[string]identity.Link{"HEAD": newsletter(100), "test": newsletter(100)} {
		l.Test = name == "test"
		for _, use := range []identity.Use{identity.Open, identity.Click} {
			method := "GET"
			if name == "HEAD" {
				method = "HEAD"
			}
			if a := w.reader().do(method, w.path(use, l), ""); a.result() != "" || a.status != map[identity.Use]int{identity.Open: 200, identity.Click: 302}[use] {
				t.Errorf("%s of %s: %d %q", name, use, a.status, a.result())
			}
		}
	}
	if kept := w.events(); len(kept) != 0 {
		t.Errorf("neither is a hit, but %d rows were kept", len(kept))
	}
}

// TestPolicy_3_2_2_AMaterialVersionUnsetsMail: what was granted before a new owner
// measures nothing, is shown as not granted, and counts again once it is said again.
// Who left stays away.
func TestPolicy_3_2_2_AMaterialVersionUnsetsMail(t *testing.T) {
	w := newMailWorld(t)
	for recipient, mail := range map[uint64]withdrawal.Choice{1: withdrawal.Unset, 2: withdrawal.Denied} {
		w.says(withdrawal.Entry{Recipient: recipient, Time: testStart.AddDate(0, 0, -1), Open: withdrawal.Granted, Click: withdrawal.Granted, Mail: mail})
	}
	results := func(recipient uint64, want string) {
		t.Helper()
		for _, use := range []identity.Use{identity.Open, identity.Click} {
			if a := w.reader().touch(use, w.path(use, newsletter(recipient))); a.result() != want {
				t.Errorf("%d, %s: %q, want %q", recipient, use, a.result(), want)
			}
		}
	}
	ticked := func(want int) {
		t.Helper()
		if page := w.reader().get(w.path(identity.MailChoices, newsletter(1))).body; strings.Count(page, " checked") != want {
			t.Errorf("%d boxes are ticked, want %d:\n%s", strings.Count(page, " checked"), want, page)
		}
	}
	results(1, "recorded")
	ticked(2)
	sold := testSite(func(s *site.Site) {
		s.Policy = &site.Policy{Versions: []site.PolicyVersion{{Number: 1}, {Number: 2, Date: testStart.Truncate(24 * time.Hour), Material: []site.Material{site.MaterialControl}}}}
	})
	if err := w.srv.SetSites([]*site.Site{sold}); err != nil {
		t.Fatal(err)
	}
	results(1, "refused; reason=policy_outdated")
	results(2, "refused; reason=unsubscribed")
	ticked(0)
	w.says(withdrawal.Entry{Recipient: 1, Open: withdrawal.Granted, Click: withdrawal.Granted})
	results(1, "recorded")
	ticked(2)
}

// TestPolicy_6_4_WhoHasNotHeardKeepsNothing: an edge that knows not of withdrawals,
// for a minute or from the start, counts no mail, and its images and links work.
func TestPolicy_6_4_WhoHasNotHeardKeepsNothing(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	w.says(withdrawal.Entry{Recipient: 1, Open: withdrawal.Granted, Click: withdrawal.Granted})
	for _, use := range []identity.Use{identity.Open, identity.Click} {
		if a := w.reader().touch(use, w.path(use, newsletter(1))); a.result() != "refused; reason=overloaded" {
			t.Errorf("%s: %q", use, a.result())
		}
	}
	if kept := w.events(); len(kept) != 0 {
		t.Errorf("%d rows", len(kept))
	}
	// A spool that is full keeps nothing either, and nobody is sent away.
	full := newMailWorld(t)
	full.says(withdrawal.Entry{Recipient: 1, Open: withdrawal.Granted, Click: withdrawal.Granted})
	full.srv.opts.Spool = fullSpool{}
	for _, use := range []identity.Use{identity.Open, identity.Click} {
		if a := full.reader().touch(use, full.path(use, newsletter(1))); a.result() != "refused; reason=overloaded" {
			t.Errorf("%s into a full spool: %q", use, a.result())
		}
	}
}

// TestWhoOpened: proxies, machines and scanners are served like people and told
// apart in the row.
func TestWhoOpened(t *testing.T) {
	w := newMailWorld(t)
	w.says(withdrawal.Entry{Recipient: 1, Open: withdrawal.Granted, Click: withdrawal.Granted})
	for _, c := range []struct {
		use            identity.Use
		header, value  string
		reason, device string
		machine        bool
	}{
		{identity.Open, "User-Agent", chrome, "", "desktop", false},
		{identity.Open, "User-Agent", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "google_proxy", "", false},
		{identity.Open, "User-Agent", "Mozilla/5.0", "apple_mpp", "", false},
		{identity.Open, "X-Forwarded-For", "40.92.1.1", "mail_network", "desktop", true},
		{identity.Click, "X-Forwarded-For", "40.92.1.1", "mail_network", "desktop", true},
		{identity.Click, "Sec-Purpose", "prefetch;prerender", "prefetch", "desktop", true},
		{identity.Click, "User-Agent", "curl/8.5.0", "library", "", true},
	} {
		b := w.reader()
		b.header.Set(c.header, c.value)
		if a := b.touch(c.use, w.path(c.use, newsletter(1))); a.result() != "recorded" {
			t.Errorf("%s %s: %q", c.header, c.value, a.result())
		}
		kept := w.events()
		if len(kept) != 1 || kept[0].Agent.Machine != c.machine || kept[0].Agent.MachineReason != c.reason || c.device != "" && kept[0].Agent.Device != c.device {
			t.Errorf("%s %s: %+v", c.header, c.value, kept)
		}
	}
	trap, soon := newsletter(1), newsletter(1)
	trap.Trap, soon.Sent = true, testStart.Add(-2*time.Second)
	for want, l := range map[string]identity.Link{"trap": trap, "soon_after": soon} {
		w.reader().touch(identity.Click, w.path(identity.Click, l))
		if kept := w.events(); len(kept) != 1 || kept[0].Agent.MachineReason != want || !kept[0].Agent.Machine {
			t.Errorf("%s: %+v", want, kept)
		}
	}
}

// TestAdLink: a click without consent is led on and leaves nothing; with it the row
// has the link's campaign and the visitor, and no session is begun by it.
func TestAdLink(t *testing.T) {
	w := newMailWorld(t)
	ad := identity.Link{Site: "shop", Campaign: event.Campaign{Source: "Example Ads", Medium: "CPC", Name: "Autumn"}}
	b := w.browser()
	b.header.Set("Origin", "https://ads.example")
	b.header.Set("Referer", "https://ads.example/page")
	if a := b.touch(identity.Click, w.path(identity.Click, ad)); a.result() != "refused; reason=no_consent" || len(a.set) != 0 {
		t.Errorf("without a choice: %q, %d cookies", a.result(), len(a.set))
	}
	b.header = w.browser().header
	b.choose("accept_all")
	w.records()
	b.header.Set("Origin", "https://ads.example")
	b.header.Set("Referer", "https://ads.example/page")
	visitor := b.visitor()
	if a := b.touch(identity.Click, w.path(identity.Click, ad)); a.result() != "recorded" || len(a.set) != 0 {
		t.Errorf("with consent: %q, %d cookies", a.result(), len(a.set))
	}
	if a := b.touch(identity.Impression, w.path(identity.Impression, ad)); a.result() != "refused; reason=wrong_origin" {
		t.Errorf("an impression on another's page: %q", a.result())
	}
	b.header.Set("Origin", "https://www.shop.example")
	b.touch(identity.Impression, w.path(identity.Impression, ad))
	kept := w.events()
	if len(kept) != 2 || kept[0].Kind != event.Click || kept[1].Kind != event.Impression {
		t.Fatalf("kept %+v", kept)
	}
	for _, e := range kept {
		if e.Visitor != visitor || e.Recipient != 0 || e.Session != 0 || e.Basis != event.BasisRecord || e.Campaign.Source != "example ads" || e.Campaign.Medium != "cpc" || e.Campaign.Channel != "Paid Other" {
			t.Errorf("the row: %+v", e)
		}
	}
	b.header.Set("Sec-GPC", "1")
	if a := b.touch(identity.Click, w.path(identity.Click, ad)); a.result() != "refused; reason=gpc" || b.cookies["kj_src_shop"] != "" {
		t.Errorf("under the signal: %q", a.result())
	}
	stopped := newWorld(t, []*site.Site{testSite(func(s *site.Site) { s.Status = site.Stopped })})
	if a := stopped.reader().touch(identity.Click, stopped.path(identity.Click, ad)); a.result() != "refused; reason=site_stopped" {
		t.Errorf("a stopped site's link: %q", a.result())
	}
	other := ad
	other.Site = "gone"
	if a := w.reader().touch(identity.Click, w.path(identity.Click, other)); a.result() != "refused; reason=unknown_site" {
		t.Errorf("the link of a site that is no more: %q", a.result())
	}
}

// direct hands a request to the edge without a connection.
func (w *world) direct(method, path string) *fasthttp.Response {
	var req fasthttp.Request
	req.Header.SetMethod(method)
	req.SetRequestURI(path)
	req.Header.Set("User-Agent", chrome)
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(&req, nil, nil)
	w.srv.guard(ctx)
	return &ctx.Response
}

// bare says what is wrong with the answer to a token that is not ours.
func bare(use identity.Use, r *fasthttp.Response) string {
	image := use == identity.Open || use == identity.Impression
	switch {
	case len(r.Header.Peek("Location")) > 0:
		return "a redirect"
	case len(r.Header.Peek("Set-Cookie")) > 0:
		return "a cookie"
	case image && r.StatusCode() == 200 && string(r.Body()) == string(gif), r.StatusCode() == 404:
		return ""
	}
	return http.StatusText(r.StatusCode())
}

// TestBentTokens: every flipped bit, every cut, what is added, and every token in
// another's place is a 404 or the bare image, never a redirect, and nothing is kept.
func TestBentTokens(t *testing.T) {
	w := newMailWorld(t)
	w.says(withdrawal.Entry{Recipient: 1, Open: withdrawal.Granted, Click: withdrawal.Granted})
	l := newsletter(1)
	l.Ref, l.List = "42", "weekly"
	uses := []identity.Use{identity.Click, identity.Impression, identity.Open, identity.Unsubscribe, identity.MailChoices}
	tokens := map[identity.Use][2]string{} // of two sites
	for _, use := range uses {
		var two [2]string
		for i, id := range []string{"shop", "blog"} {
			one := l
			one.Site = id
			if use == identity.Impression {
				one = identity.Link{Site: id}
			}
			if use == identity.Click {
				one.Destination = offer
			}
			var err error
			if two[i], err = w.srv.opts.Ring.SealLink(use, one); err != nil {
				t.Fatal(err)
			}
		}
		tokens[use] = two
	}
	bent := func(use identity.Use, what, token string) {
		t.Helper()
		for _, method := range []string{"GET", "POST"} {
			r := w.direct(method, linkPath(use, url.PathEscape(token)))
			if wrong := bare(use, r); wrong != "" && r.StatusCode() != 405 {
				t.Fatalf("%s, %s by %s: %s", use, what, method, wrong)
			}
		}
	}
	for use, two := range tokens {
		token := two[0]
		for i := range len(token) {
			for bit := range 8 {
				b := []byte(token)
				b[i] ^= 1 << bit
				bent(use, "a flipped bit", string(b))
			}
			bent(use, "cut", token[:i])
			bent(use, "cut in front", token[i+1:])
		}
		for _, more := range []string{"A", ".", "=", "==", "%00", ".gif", "/", "?", "\n", token} {
			bent(use, "longer", token+more)
			bent(use, "longer in front", more+token)
		}
		for other, its := range tokens {
			if other != use {
				bent(use, "a token for "+string(other), its[0])
			}
			// What one token says under the signature of another.
			payload, _, _ := strings.Cut(its[1], ".")
			bent(use, "another's payload", payload+token[strings.IndexByte(token, '.'):])
		}
		stranger, err := identity.NewRing(testStart)
		if err != nil {
			t.Fatal(err)
		}
		one := identity.Link{Site: "shop"}
		if use != identity.Impression {
			one.Recipient = 1
		}
		if use == identity.Click {
			one.Destination = offer
		}
		forged, err := stranger.SealLink(use, one)
		if err != nil {
			t.Fatal(err)
		}
		bent(use, "another ring's", forged)
	}
	if kept := w.records(); len(kept) != 0 {
		t.Errorf("%d records were kept", len(kept))
	}
	if w.srv.opts.Withdrawn.Recipient("shop", 1).Unsubscribed() {
		t.Error("a bent token unsubscribed somebody")
	}
}

// TestPolicy_6_4_NoConsentNoTrace: no sequence of hits by mail, of recipients who
// agreed to nothing, leaves a row, a cookie, or a line in the log.
func TestPolicy_6_4_NoConsentNoTrace(t *testing.T) {
	w := newMailWorld(t)
	const denied, granted = withdrawal.Denied, withdrawal.Granted
	w.says(withdrawal.Entry{Recipient: 2, Open: denied, Click: denied})
	w.says(withdrawal.Entry{Recipient: 3, Open: granted, Click: granted, Mail: denied})
	w.says(withdrawal.Entry{Recipient: 4, Site: "blog", Open: granted, Click: granted})
	w.records()
	quiet := w.log.String()
	uses := []identity.Use{identity.Open, identity.Click, identity.Unsubscribe, identity.MailChoices}
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 10).Draw(r, "hits") {
			use := rapid.SampledFrom(uses).Draw(r, "use")
			l := newsletter(rapid.Uint64Range(1, 4).Draw(r, "recipient"))
			l.Trap = use == identity.Click && rapid.Bool().Draw(r, "trap")
			method := rapid.SampledFrom([]string{"GET", "GET", "HEAD"}).Draw(r, "method")
			answer := w.direct(method, w.path(use, l))
			if got := answer.Header.Peek("Set-Cookie"); len(got) > 0 {
				r.Fatal("a cookie")
			}
			if string(answer.Header.Peek("Kunji-Result")) == "recorded" {
				r.Fatal("recorded")
			}
		}
		if kept := w.records(); len(kept) != 0 {
			r.Fatalf("%d records", len(kept))
		}
	})
	if log := w.log.String(); log != quiet {
		t.Errorf("the log says %s", strings.TrimPrefix(log, quiet))
	}
}

// FuzzTokenRoutes: whatever stands in a token's place, the edge answers, redirects
// nowhere that was not signed, and unsubscribes nobody.
func FuzzTokenRoutes(f *testing.F) {
	w := newWorld(f, []*site.Site{testSite()})
	uses := []identity.Use{identity.Click, identity.Impression, identity.Open, identity.Unsubscribe, identity.MailChoices}
	for i, use := range uses {
		l := newsletter(1)
		if use == identity.Impression {
			l = identity.Link{Site: "shop"}
		}
		path := w.path(use, l)
		f.Add(uint8(i), path[len("/c/"):])
		f.Add(uint8(i+1), path[len("/c/"):])
	}
	f.Add(uint8(0), "//evil.example")
	f.Add(uint8(5), "a.b.c")
	f.Fuzz(func(t *testing.T, n uint8, token string) {
		prefix := []string{"/c/", "/i/", "/o/", "/u/", "/m/", "/r/"}[n%6]
		for _, method := range []string{"GET", "HEAD", "POST"} {
			r := w.direct(method, prefix+url.PathEscape(token))
			if to := string(r.Header.Peek("Location")); to != "" && to != offer {
				t.Fatalf("%s %s led to %q", method, prefix, to)
			}
			if r.StatusCode() >= 500 {
				t.Fatalf("%s %s: %d", method, prefix, r.StatusCode())
			}
		}
	})
}
