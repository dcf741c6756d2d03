package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// testSigner is a signature that can be told from others.
type testSigner struct{}

func (testSigner) Sign(payload string) string { return payload + ".signed" }
func (testSigner) Verify(token string) (string, error) {
	payload, ok := strings.CutSuffix(token, ".signed")
	if !ok {
		return "", errors.New("not signed")
	}
	return payload, nil
}

// TestNotes: segments, marks and shared links are kept, listed, changed and
// taken back by those who may, and a shared link opens its one report.
func TestNotes(t *testing.T) {
	db := openStore(t)
	h := build(t, db, false)
	var events []*event.Event
	for v := uint64(1); v <= 20; v++ {
		e := &event.Event{
			Site: "shop", Kind: event.Visit, Time: start, LocalDay: int32(start.Unix() / 86400), Visitor: v, Basis: event.BasisRecord,
			Attributed: true, Campaign: event.Campaign{Source: "news", Medium: "email", Name: "autumn"}, KeepUntil: 30000,
			Place: event.Place{Country: []string{"CN", "DE"}[v%2]},
		}
		e.ID[0] = byte(v)
		events = append(events, e)
	}
	if err := db.Insert(t.Context(), "notes", store.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	made := func(kind, body string) noteJSON {
		t.Helper()
		answer := h.do("POST", "/api/v1/notes/"+kind+"?site=shop", bearer("marketer"), send("application/json", body))
		var n noteJSON
		if answer.StatusCode != http.StatusCreated || json.Unmarshal([]byte(answer.body), &n) != nil || n.ID == "" || n.Owner != "token marketer" {
			t.Fatalf("%s %s: %d %s", kind, body, answer.StatusCode, answer.body)
		}
		return n
	}
	segment := made("segments", `{"name":"Germany","filters":["country:DE"]}`)
	mark := made("marks", `{"name":"New shop window","day":"2026-11-23"}`)
	link := made("shares", `{"name":"For the board","report":"campaigns","question":"from=2026-11-24&to=2026-11-24&filter=country:DE","days":7}`)

	for kind, wrong := range map[string][]string{
		"segments": {`{"name":"x","filters":[]}`, `{"name":"","filters":["country:DE"]}`, `{"name":"x","filters":["visits:3"]}`, `{"name":"x","filters":["country"]}`, `{"nam":"x"}`, `{`},
		"marks":    {`{"name":"x","day":"yesterday"}`, `{"name":"x"}`, `{"name":"` + strings.Repeat("x", 201) + `","day":"2026-11-23"}`},
		"shares":   {`{"name":"x","report":"nothing"}`, `{"name":"x","report":"campaigns","days":400}`, `{"name":"x","report":"campaigns","question":"from=x"}`, `{"name":"x","report":"costs","question":"filter=country:DE"}`},
	} {
		for _, body := range wrong {
			if answer := h.do("POST", "/api/v1/notes/"+kind+"?site=shop", bearer("marketer"), send("application/json", body)); answer.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: %d, want 400", kind, body, answer.StatusCode)
			}
		}
	}
	status := func(want int, method, path string, change ...func(*http.Request)) reply {
		t.Helper()
		answer := h.do(method, path, change...)
		if answer.StatusCode != want {
			t.Errorf("%s %s: %d, want %d: %s", method, path, answer.StatusCode, want, answer.body)
		}
		return answer
	}
	status(403, "POST", "/api/v1/notes/marks?site=shop", bearer("operator"), send("application/json", `{"name":"x","day":"2026-11-23"}`))
	status(403, "GET", "/api/v1/notes/marks?site=other", bearer("marketer"))
	status(404, "GET", "/api/v1/notes/secrets?site=shop", bearer("marketer"))
	h.accounts.Tokens = append(h.accounts.Tokens, tokenFor("second", Marketer, "shop"))
	status(403, "DELETE", "/api/v1/notes/segments/"+segment.ID+"?site=shop", bearer("second"))
	status(200, "PUT", "/api/v1/notes/segments/"+segment.ID+"?site=shop", bearer("marketer"), send("application/json", `{"name":"Not China","filters":["-country:CN"]}`))
	status(409, "PUT", "/api/v1/notes/shares/"+link.ID+"?site=shop", bearer("marketer"), send("application/json", `{"name":"x"}`))
	if list := status(200, "GET", "/api/v1/notes/segments?site=shop", bearer("second")); !strings.Contains(list.body, "Not China") || strings.Contains(list.body, "Germany") {
		t.Errorf("after a change: %s", list.body)
	}
	if marks := status(200, "GET", "/api/v1/marks?site=shop&from=2026-11-20&to=2026-11-24", bearer("marketer")); !strings.Contains(marks.body, `"detail":"New shop window"`) {
		t.Errorf("marks: %s", marks.body)
	}

	session := h.signIn("ada")
	page := status(200, "GET", "/reports/campaigns?site=shop", cookies(session))
	for _, want := range []string{"New shop window", "Not China", `class="mark"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the campaigns page lacks %q", want)
		}
	}

	shared := status(200, "GET", link.Path)
	if len(shared.Cookies()) > 0 || !strings.Contains(shared.body, "For the board") || !strings.Contains(shared.body, "autumn") || strings.Contains(shared.body, "<form") {
		t.Errorf("the shared page sets cookies %v or is not what it should be:\n%s", shared.Cookies(), shared.body)
	}
	csv := status(200, "GET", link.Path+"?format=csv&from=2020-01-01&site=other")
	if !strings.HasPrefix(csv.Header.Get("Content-Type"), "text/csv") || !strings.Contains(csv.body, "news,email,autumn") {
		t.Errorf("the shared CSV: %s", csv.body)
	}
	status(404, "GET", link.Path+"x")
	status(404, "GET", strings.Replace(link.Path, "shop~", "other~", 1))
	h.now = start.AddDate(0, 0, 7)
	status(404, "GET", link.Path)
	h.now = start
	status(204, "DELETE", "/api/v1/notes/shares/"+link.ID+"?site=shop", bearer("admin"))
	status(404, "GET", link.Path)
	status(404, "DELETE", "/api/v1/notes/shares/"+link.ID+"?site=shop", bearer("admin"))

	token := csrfOf(t, page.body)
	status(403, "POST", "/notes/marks", cookies(session), form(url.Values{"site": {"shop"}, "name": {"x"}, "day": {"2026-11-24"}}))
	status(303, "POST", "/notes/marks", cookies(session), form(url.Values{"csrf": {token}, "site": {"shop"}, "name": {"From the page"}, "day": {"2026-11-24"}}))
	if list := status(200, "GET", "/notes/marks?site=shop", cookies(session)); !strings.Contains(list.body, "From the page") || !strings.Contains(list.body, mark.Name) {
		t.Error("a mark written on the page is not listed")
	}
}

// TestSharedLinksFollowTheRole: whoever may read the mail report alone sees no link
// that opens another, on the page or by the API, and takes none back.
func TestSharedLinksFollowTheRole(t *testing.T) {
	db := openStore(t)
	h := build(t, db, false)
	made := func(token, report string) noteJSON {
		t.Helper()
		answer := h.do("POST", "/api/v1/notes/shares?site=shop", bearer(token), send("application/json", `{"name":"the `+report+` link","report":"`+report+`","question":"from=2026-11-24&to=2026-11-24"}`))
		var n noteJSON
		if err := json.Unmarshal([]byte(answer.body), &n); err != nil || answer.StatusCode != http.StatusCreated {
			t.Fatalf("share %s: %d %s, %v", report, answer.StatusCode, answer.body, err)
		}
		return n
	}
	campaigns, mail := made("marketer", "campaigns"), made("mailer", "mail")
	session := cookies(h.signIn("post"))
	f := func(path string, who func(*http.Request), reads bool) {
		t.Helper()
		answer := h.do("GET", path, who)
		wantStatus(t, path, answer, http.StatusOK)
		if !strings.Contains(answer.body, mail.ID) || strings.Contains(answer.body, campaigns.ID) != reads || strings.Contains(answer.body, campaigns.Name) != reads {
			t.Errorf("%s, reads all reports %t:\n%s", path, reads, answer.body)
		}
	}
	for _, path := range []string{"/api/v1/notes/shares?site=shop", "/api/v1/notes/shares?site=shop&format=csv"} {
		f(path, bearer("mailer"), false)
		f(path, bearer("marketer"), true)
	}
	f("/notes/shares?site=shop", session, false)
	f("/notes/shares?site=shop", cookies(h.signIn("ada")), true)

	page := h.do("GET", "/notes/shares?site=shop", session)
	take := form(url.Values{"csrf": {csrfOf(t, page.body)}, "site": {"shop"}, "do": {"delete"}, "id": {campaigns.ID}})
	wantStatus(t, "the page deletes what it does not show", h.do("POST", "/notes/shares", session, take), http.StatusNotFound)
	wantStatus(t, "the API deletes what it does not list", h.do("DELETE", "/api/v1/notes/shares/"+campaigns.ID+"?site=shop", bearer("mailer")), http.StatusNotFound)
	h.accounts.Tokens[0].Role = Mailer // the marketer's
	wantStatus(t, "who made it may not read it any more", h.do("DELETE", "/api/v1/notes/shares/"+campaigns.ID+"?site=shop", bearer("marketer")), http.StatusNotFound)
	wantStatus(t, "the link works on", h.do("GET", campaigns.Path), http.StatusOK)
	wantStatus(t, "a link of one's own", h.do("DELETE", "/api/v1/notes/shares/"+mail.ID+"?site=shop", bearer("mailer")), http.StatusNoContent)
}

// TestSharedLinksLeadWherePeopleOpenTheConsole: to its public address where it
// has one, and else to where the request went.
func TestSharedLinksLeadWherePeopleOpenTheConsole(t *testing.T) {
	h := build(t, openStore(t), false)
	body := `{"name":"For the board","report":"campaigns","days":7}`
	if answer := h.do("POST", "/api/v1/notes/shares?site=shop", bearer("marketer"), send("application/json", body)); answer.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", answer.StatusCode, answer.body)
	}
	f := func(want string) {
		t.Helper()
		page := h.do("GET", "/notes/shares?site=shop", cookies(h.signIn("ada")))
		if !strings.Contains(page.body, `<code class="copy">`+want+`/shared/`) {
			t.Errorf("no link to %s in\n%s", want, page.body)
		}
	}
	f(h.server.URL)
	h.origin = "https://console.shop.example"
	h.restart()
	f("https://console.shop.example")
}

// TestSitesAreWatched: a changed status marks its day, once.
func TestSitesAreWatched(t *testing.T) {
	db := openStore(t)
	own := testSite("shop")
	now := start
	c, err := New(Options{
		Sites: func() []*site.Site { return []*site.Site{own} }, Accounts: func() Accounts { return Accounts{Tokens: []Token{tokenFor("admin", Admin, "*")}} },
		Source: db, Keeper: db, Links: testLinker{}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	noted := map[string]string{}
	for _, status := range []site.Status{site.Live, site.Live, site.Stopped, site.Stopped} {
		own.Status = status
		if err := c.noteState(t.Context(), own, noted); err != nil {
			t.Fatal(err)
		}
		clear(noted) // as after a restart
		now = now.Add(time.Minute)
	}
	h := &house{t: t, now: start, source: db, keeper: db, accounts: c.opt.Accounts()}
	h.restart()
	answer := h.do("GET", "/api/v1/marks?site=shop&from=2026-11-24&to=2026-11-24", bearer("admin"))
	if strings.Count(answer.body, `"kind":"stopped"`) != 1 || strings.Count(answer.body, `"kind"`) != 1 {
		t.Errorf("marks: %s, want one: stopped", answer.body)
	}
}
