package server

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// erasures returns the tombstones put on disk since the last call.
func (w *world) erasures() (all []event.Erasure) {
	for _, r := range w.records() {
		if r.Erasure != nil {
			all = append(all, *r.Erasure)
		}
	}
	return all
}

func (b *browser) visitor() uint64 {
	b.w.t.Helper()
	payload, err := b.w.srv.opts.Ring.Verify(identity.VisitorCookie, []byte(b.cookies["kj_vid_shop"]))
	if err != nil {
		b.w.t.Fatal(err)
	}
	id, err := identity.ParseVisitor(payload, "shop")
	if err != nil {
		b.w.t.Fatal(err)
	}
	return id
}

func decode[T any](t testing.TB, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v: %d %s", err, a.status, a.body)
	}
	return v
}

func TestPolicy_5_1_MeShowsWhatIsKept(t *testing.T) {
	w, l := newKeptWorld(t, testSite())
	b, stranger := w.browser(), w.browser()
	b.choose("accept_all")
	b.view(landing, "")
	b.do("PUT", "/v1/store/colour?site=shop", "blue")
	me := decode[keptBody](t, b.get("/v1/me?site=shop"))
	if len(me.Kept) != 1 || len(me.Kept[0].Rows) != 2 || me.Kept[0].Rows[1][1] != "/shoes" || me.Subject == "" || me.Controller.Name != "Shop Ltd" {
		t.Errorf("what is kept: %+v", me)
	}
	var names []string
	for _, c := range me.Cookies {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "kj_consent_shop kj_vid_shop kj_ses_shop kj_src_shop kj_store_shop" {
		t.Errorf("cookies shown: %s", got)
	}
	if me := decode[keptBody](t, stranger.get("/v1/me?site=shop")); len(me.Kept)+len(me.Cookies) != 0 || me.Subject != "" {
		t.Errorf("a stranger is shown %+v", me)
	}
	b.page()
	if a := b.get("/v1/me?site=shop"); !strings.Contains(a.body, "<td>/shoes</td>") || !strings.Contains(a.body, "<td>blue</td>") {
		t.Errorf("the page: %d %s", a.status, a.body)
	}
	if a := b.get("/v1/me?site=shop&format=json"); !strings.Contains(a.header.Get("Content-Disposition"), "attachment") || decode[keptBody](t, a).Site != "shop" {
		t.Errorf("the download: %v", a.header)
	}
	l.mu.Lock()
	l.away = true
	l.mu.Unlock()
	for _, accept := range []string{"application/json", "text/html"} {
		b.header.Set("Accept", accept)
		if a := b.get("/v1/me?site=shop"); a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("with the store away, for %s: %d", accept, a.status)
		}
	}
}

// TestPolicy_5_3_EraseIsATombstoneOnDisk by each of its ways: it names the
// visitor only sealed, and nothing collected under their record counts again.
func TestPolicy_5_3_EraseIsATombstoneOnDisk(t *testing.T) {
	for name, erase := range map[string]func(b *browser) (status int, rights string){
		"withdrawal": func(b *browser) (int, string) {
			a := b.do("POST", "/v1/consent", `{"site":"shop","method":"withdraw","surface":"preferences","erase":true}`)
			return a.status, decode[stateBody](b.w.t, a).RightsURL
		},
		"delete, the store away": func(b *browser) (int, string) {
			a := b.do("DELETE", "/v1/me?site=shop", "")
			return a.status, decode[stateBody](b.w.t, a).RightsURL
		},
		"page of what is kept": func(b *browser) (int, string) {
			b.w.srv.opts.Kept = empty{}
			b.page()
			const path = "/v1/me?site=shop"
			page := b.follow(path, b.submit(path, "action=erase"))
			if !strings.Contains(page, "Erasure has begun.") {
				b.w.t.Error("the page does not say so")
			}
			return 303, rightsIn(page)
		},
		"page of choices": func(b *browser) (int, string) {
			b.page()
			page := b.follow(choicesPath, b.submit(choicesPath, "method=withdraw&erase=1"))
			if !strings.Contains(page, "Erasure has begun.") {
				b.w.t.Error("the page does not say so")
			}
			return 303, rightsIn(page)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, []*site.Site{testSite()})
			b := w.browser()
			b.choose("accept_all")
			b.view(landing, "")
			visitor, old := b.visitor(), maps.Clone(b.cookies)
			w.records()
			w.wait(time.Minute)
			status, rights := erase(b)
			if !slices.Contains([]int{200, 202, 303}, status) || !strings.HasPrefix(rights, "https://t.shop.example/r/") {
				t.Errorf("%d, rights_url %q", status, rights)
			}
			if got := slices.Collect(maps.Keys(b.cookies)); len(got) != 1 || got[0] != "kj_consent_shop" {
				t.Errorf("cookies left: %v", got)
			}
			tombs := w.erasures()
			if len(tombs) != 1 || tombs[0].By != event.ByVisitor || tombs[0].Hash != w.srv.opts.Ring.SubjectHash("shop", visitor) || !tombs[0].Requested.Equal(w.now()) {
				t.Fatalf("tombstones %+v", tombs)
			}
			if got, _, err := w.srv.opts.Ring.UnsealSubject("shop", tombs[0].Subject); got != visitor || err != nil {
				t.Errorf("the tombstone names %d, %v", got, err)
			}
			b.header = w.browser().header
			b.cookies = old
			if a := b.view(landing, ""); a.result() != "refused; reason=withdrawn" {
				t.Errorf("an old cookie after erasure: %q", a.result())
			}
		})
	}
}

func rightsIn(page string) string {
	_, rest, _ := strings.Cut(page, `href="https://t.shop.example/r/`)
	token, _, _ := strings.Cut(rest, `"`)
	return "https://t.shop.example/r/" + token
}

func TestEraseGoesWithWithdrawAlone(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	for _, method := range []string{"accept_all", "reject_all", "save", "gpc"} {
		if a := b.do("POST", "/v1/consent", `{"site":"shop","method":"`+method+`","surface":"banner","erase":true}`); a.status != 400 {
			t.Errorf("%s with erase: %d", method, a.status)
		}
	}
	if a := b.do("DELETE", "/v1/me?site=shop", ""); a.status != 404 {
		t.Errorf("DELETE by a browser without an identifier: %d", a.status)
	}
	b.choose("accept_all")
	b.header.Set("Origin", "https://evil.example")
	if a := b.do("DELETE", "/v1/me?site=shop", ""); a.status != 403 {
		t.Errorf("DELETE from another site's page: %d", a.status)
	}
	if got := w.erasures(); len(got) != 0 {
		t.Errorf("%d tombstones", len(got))
	}
}

// TestRightsAddress: it works in any browser for a year, for one visitor, and
// keeps its visitor to itself.
func TestRightsAddress(t *testing.T) {
	w, l := newKeptWorld(t, testSite())
	b := w.browser()
	b.choose("accept_all")
	b.view(landing, "")
	visitor := b.visitor()
	rights := decode[stateBody](t, b.choose("withdraw")).RightsURL
	path := strings.TrimPrefix(rights, "https://t.shop.example")
	elsewhere := w.browser()
	elsewhere.choose("accept_all") // somebody else's browser
	if me := decode[keptBody](t, elsewhere.get(path)); len(me.Kept) != 1 || len(me.Kept[0].Rows) != 2 || len(me.Cookies) != 0 {
		t.Errorf("what the address shows: %+v", me)
	}
	elsewhere.page()
	page := elsewhere.get(path)
	if !strings.Contains(page.body, "<td>/shoes</td>") || page.header.Get("Referrer-Policy") != "same-origin" || strings.Contains(page.body, "<script") {
		t.Errorf("the page: %s", page.body)
	}
	token := csrfField.FindStringSubmatch(page.body)[1]
	if a := elsewhere.send("/v1/me?site=shop", "action=erase&csrf="+url.QueryEscape(token)); a.status != 403 {
		t.Errorf("the form's token at another form: %d", a.status)
	}
	said := elsewhere.follow(path, elsewhere.submit(path, "action=erase"))
	if !strings.Contains(said, "Erasure has begun.") || len(elsewhere.cookies) != 2 {
		t.Errorf("after erasing from another browser, which keeps its own cookies (%d): %s", len(elsewhere.cookies), said)
	}
	l.mu.Lock()
	var tombs []event.Erasure
	for _, r := range append(l.records, w.records()...) {
		if r.Erasure != nil {
			tombs = append(tombs, *r.Erasure)
		}
	}
	l.mu.Unlock()
	if len(tombs) != 1 || tombs[0].Hash != w.srv.opts.Ring.SubjectHash("shop", visitor) {
		t.Errorf("tombstones %+v", tombs)
	}
	for path, status := range map[string]int{"/r/x": 404, path + "x": 404, strings.Replace(path, "/r/", "/r/AAAA", 1): 404} {
		if a := elsewhere.get(path); a.status != status {
			t.Errorf("%s: %d, want %d", path, a.status, status)
		}
	}
	w.wait(identity.RightLifetime)
	if a := elsewhere.get(path); a.status != 410 || strings.Contains(a.body, "/shoes") {
		t.Errorf("a year later: %d", a.status)
	}
	if log := w.log.String(); strings.Contains(log, strings.TrimPrefix(path, "/r/")) || strings.Contains(log, "shoes") {
		t.Errorf("the log tells of a visitor: %s", log)
	}
}

// TestEveryAnswerThatTakesTheIdentifierGivesTheRight also where a hit was
// refused, or a new decision brings a new identifier.
func TestEveryAnswerThatTakesTheIdentifierGivesTheRight(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	old := maps.Clone(b.cookies)
	if got := decode[stateBody](t, b.choose("accept_all")).RightsURL; got != "" {
		t.Error("a right is given although the identifier stays")
	}
	b.choose("withdraw")
	b.cookies = maps.Clone(old)
	delete(b.cookies, "kj_consent_shop")
	if got := decode[eventsAnswer](t, b.view(landing, "")); got.RightsURL == "" {
		t.Error("a refused hit took the identifier and gave no right")
	}
	b.cookies = map[string]string{"kj_vid_shop": old["kj_vid_shop"]}
	if got := decode[stateBody](t, b.choose("accept_all")).RightsURL; got == "" || b.cookies["kj_vid_shop"] == old["kj_vid_shop"] {
		t.Error("a new identifier replaced the old one and gave no right")
	}
}

func TestFullSpoolErasesNothingInSilence(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	before := maps.Clone(b.cookies)
	w.srv.opts.Spool = fullSpool{}
	if a := b.do("DELETE", "/v1/me?site=shop", ""); a.status != 503 || !maps.Equal(b.cookies, before) {
		t.Errorf("a tombstone that is not on disk: %d", a.status)
	}
	b.page()
	if a := b.submit(choicesPath, "method=withdraw"); a.status != 503 || !maps.Equal(b.cookies, before) {
		t.Errorf("a form: %d", a.status)
	}
}
