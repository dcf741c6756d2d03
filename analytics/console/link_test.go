package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	adlink "github.com/kunjicloud/kunji/edge/link"
	"github.com/kunjicloud/kunji/edge/site"
)

// testLinker signs links as the program does.
type testLinker struct{ ring *identity.Ring }

func (l testLinker) MakeLink(_ context.Context, s *site.Site, w LinkWanted) (LinkMade, error) {
	made, err := adlink.Make(l.ring, adlink.Wanted{
		Site: s, Impression: w.Kind == impressionPixel, Destination: w.URL, Test: w.Test,
		Campaign: event.Campaign{Source: w.Source, Medium: w.Medium, Name: w.Campaign, Content: w.Content, Term: w.Term, ID: w.ID},
	})
	var wrong *adlink.FieldError
	if errors.As(err, &wrong) {
		return LinkMade{}, &report.Error{Parameter: wrong.Field, Problem: wrong.Problem, Fix: wrong.Fix}
	}
	return LinkMade{URL: made.Address, Destination: made.Destination, OwnDomain: made.Own}, err
}

const springLink = `{"site":"shop","url":"https://shop.example/offers?a=1","source":"News","medium":"cpc","campaign":"spring"}`

// TestLinksByAPI: the link opens with the ring, and what is wrong is told by
// field.
func TestLinksByAPI(t *testing.T) {
	h := build(t, nil, false)
	f := func(token, body string, status int, field string) {
		t.Helper()
		answer := h.do("POST", "/api/v1/links", bearer(token), send("application/json", body))
		wantStatus(t, body, answer, status)
		var p problem
		if status != 200 && (json.Unmarshal([]byte(answer.body), &p) != nil || p.Parameter != field || p.Fix == "") {
			t.Errorf("%s: %s, want the fault at %q", body, answer.body, field)
		}
	}
	f("marketer", springLink, 200, "")
	f("admin", springLink, 200, "")
	f("mailer", springLink, 403, "")
	f("operator", springLink, 403, "")
	f("marketer", strings.Replace(springLink, "shop", "other", 1), 403, "site")
	f("marketer", strings.Replace(springLink, `"spring"`, `" "`, 1), 400, "campaign")
	f("marketer", strings.Replace(springLink, `"spring"`, `"call 13812345678"`, 1), 400, "campaign")
	f("marketer", strings.Replace(springLink, "https://", "//", 1), 400, "url")
	f("marketer", strings.Replace(springLink, "a=1", "utm_source=x", 1), 400, "url")
	f("marketer", strings.Replace(springLink, `"site"`, `"kind":"banner","site"`, 1), 400, "kind")
	f("marketer", strings.Replace(springLink, `"site"`, `"colour":"red","site"`, 1), 400, "")
	f("marketer", springLink+springLink, 400, "")
	f("marketer", `{"site":`, 400, "")
	f("marketer", `{"site":"`+strings.Repeat("a", maxLink)+`"}`, 413, "")

	var made LinkMade
	answer := h.do("POST", "/api/v1/links", bearer("marketer"), send("application/json", springLink))
	if err := json.Unmarshal([]byte(answer.body), &made); err != nil || !made.OwnDomain {
		t.Fatalf("%s: %v", answer.body, err)
	}
	l, err := h.ring.OpenLink(identity.Click, strings.TrimPrefix(made.URL, "https://t.shop.example/c/"))
	const want = "https://shop.example/offers?a=1&utm_source=news&utm_medium=cpc&utm_campaign=spring"
	if err != nil || l.Destination != want || made.Destination != want || l.Campaign.Source != "news" {
		t.Errorf("%s: %+v, %v", made.URL, l, err)
	}
	answer = h.do("POST", "/api/v1/links", bearer("marketer"), send("application/json", `{"site":"shop","kind":"impression","source":"a","medium":"display","campaign":"b"}`))
	made = LinkMade{}
	if err := json.Unmarshal([]byte(answer.body), &made); err != nil || made.HTML != `<img src="`+made.URL+`" width="1" height="1" alt="">` {
		t.Errorf("an impression: %s, %v", answer.body, err)
	}
	token := strings.TrimSuffix(strings.TrimPrefix(made.URL, "https://t.shop.example/i/"), ".gif")
	if _, err := h.ring.OpenLink(identity.Impression, token); err != nil {
		t.Errorf("an impression's token: %v", err)
	}
}

// TestLinkPage: the form works without script, keeps what was written, and
// shows an address that opens.
func TestLinkPage(t *testing.T) {
	h := build(t, nil, false)
	session := h.signIn("ada")
	empty := h.do("GET", linksPath+"?lang=en&campaign=%22%3E%3Cb%3E", cookies(session))
	wantStatus(t, "the form", empty, http.StatusOK)
	if !strings.Contains(empty.body, `value="&#34;&gt;&lt;b&gt;"`) {
		t.Error("a campaign of the address is not written into the form, or not escaped")
	}
	values := url.Values{
		"csrf": {csrfOf(t, empty.body)}, "site": {"shop"}, "kind": {"click"}, "url": {"https://shop.example/"},
		"source": {"news"}, "medium": {"cpc"}, "campaign": {"spring & more"},
	}
	post := func(change func(url.Values)) reply {
		t.Helper()
		own := url.Values{}
		for name, all := range values {
			own[name] = all
		}
		change(own)
		return h.do("POST", linksPath+"?lang=en", cookies(session), form(own))
	}
	made := post(func(url.Values) {})
	wantStatus(t, "a link", made, http.StatusOK)
	token, _, _ := strings.Cut(afterText(made.body, "https://t.shop.example/c/"), "<")
	if l, err := h.ring.OpenLink(identity.Click, token); err != nil || l.Campaign.Name != "spring & more" {
		t.Errorf("the page's link: %+v, %v\n%s", l, err, made.body)
	}
	pixel := post(func(v url.Values) { v.Set("kind", "impression") })
	wantStatus(t, "a pixel, with the address left in the form", pixel, http.StatusOK)
	if !strings.Contains(pixel.body, "https://t.shop.example/i/") {
		t.Error("no pixel is shown")
	}
	wrong := post(func(v url.Values) { v.Set("url", "shop.example") })
	wantStatus(t, "a wrong address", wrong, http.StatusUnprocessableEntity)
	if !strings.Contains(wrong.body, "No link was made: Landing page") || !strings.Contains(wrong.body, `value="spring &amp; more"`) {
		t.Errorf("the fault is not told, or the form is empty: %s", wrong.body)
	}
	wantStatus(t, "another session's token", post(func(v url.Values) { v.Set("csrf", "x") }), http.StatusForbidden)
	wantStatus(t, "another site", post(func(v url.Values) { v.Set("site", "other") }), http.StatusForbidden)
	wantStatus(t, "a role without links", h.do("GET", linksPath, cookies(h.signIn("post"))), http.StatusForbidden)
	wantStatus(t, "nobody", h.do("GET", linksPath), http.StatusSeeOther)
}

func afterText(text, before string) string {
	_, after, _ := strings.Cut(text, before)
	return after
}

// auditIsRead: newest first, page by page, of the account's sites alone.
func auditIsRead(t *testing.T, h *house, db *store.Store) {
	for i, siteID := range []string{"shop", "other", "", "shop"} {
		line := report.Action{Time: start.AddDate(1, 0, i), Actor: "<i>", Action: "link_made", Site: siteID, Detail: string(rune('a' + i))}
		if err := db.Audit(t.Context(), line); err != nil {
			t.Fatal(err)
		}
	}
	type answer struct {
		Lines []auditLineJSON
		Next  string
	}
	f := func(token, query string, want string) answer {
		t.Helper()
		var got answer
		reply := h.do("GET", "/api/v1/audit?action=link_made"+query, bearer(token))
		if err := json.Unmarshal([]byte(reply.body), &got); err != nil || reply.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", query, reply.body)
		}
		details := ""
		for _, l := range got.Lines {
			details += l.Detail
		}
		if !strings.HasPrefix(details, want) {
			t.Errorf("%s as %s: %s, want %s", query, token, details, want)
		}
		return got
	}
	first := f("admin", "&lines=3", "dcb")
	if first.Next == "" || len(first.Lines) != 3 {
		t.Errorf("there is no next page: %+v", first)
	}
	f("admin", "&lines=1&before="+url.QueryEscape(first.Next), "a")
	f("admin", "&site=other", "b")
	f("shopadmin", "", "da")
	for token, status := range map[string]int{"marketer": 403, "mailer": 403, "operator": 403} {
		wantStatus(t, token, h.do("GET", "/api/v1/audit", bearer(token)), status)
	}
	for query, status := range map[string]int{"lines=0": 400, "lines=x": 400, "lines=1001": 400, "before=x": 400, "before=1.x": 400, "site=nowhere": 404} {
		wantStatus(t, query, h.do("GET", "/api/v1/audit?"+query, bearer("admin")), status)
	}
	wantStatus(t, "a site not theirs", h.do("GET", "/api/v1/audit?site=other", bearer("shopadmin")), http.StatusForbidden)
	page := h.do("GET", auditPath+"?action=link_made&lang=en", cookies(h.signIn("root")))
	wantStatus(t, "the page", page, http.StatusOK)
	if !strings.Contains(page.body, "<td>&lt;i&gt;</td><td>made a link</td>") || missingText.MatchString(page.body) {
		t.Errorf("the page lacks a line: %s", page.body)
	}
	wantStatus(t, "a marketer's page", h.do("GET", auditPath, cookies(h.signIn("ada"))), http.StatusForbidden)
}
