package console

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
)

const (
	path    = "/api/v1/reports/campaigns?site=shop"
	range20 = "&from=2026-11-20&to=2026-11-24"
)

func TestHeadersAreOnEveryAnswer(t *testing.T) {
	h := build(t, nil, false)
	for _, at := range []string{"/signin", "/", "/nowhere", "/api/v1/reports", "/api/v1/nowhere", "/api/v1/openapi.yaml", "/healthz"} {
		answer := h.do("GET", at)
		for name, want := range map[string]string{
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "same-origin",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", at, name, got, want)
			}
		}
	}
}

// Who may read what: tokens by role and site, and what the refusal says.
func TestRolesAndSites(t *testing.T) {
	h := build(t, nil, false)
	for _, c := range []struct {
		token, path string
		status      int
		code        string
	}{
		{"", path, 401, "not_signed_in"},
		{"nonsense", path, 401, "not_signed_in"},
		{"marketer", "/api/v1/reports/campaigns?site=other", 403, "forbidden"},
		{"marketer", "/api/v1/reports/campaigns?site=nowhere", 403, "forbidden"}, // not told from other
		{"admin", "/api/v1/reports/campaigns?site=nowhere", 404, "unknown_site"},
		{"admin", "/api/v1/reports/campaigns", 400, "bad_parameter"},
		{"mailer", path, 403, "forbidden"},
		{"operator", path, 403, "forbidden"},
		{"mailer", "/api/v1/installation?site=shop", 403, "forbidden"},
		{"marketer", "/api/v1/installation?site=other", 403, "forbidden"},
		{"marketer", "/api/v1/reports/nonsense?site=shop", 404, "unknown_report"},
		{"marketer", path + "&from=yesterday", 400, "bad_parameter"},
		{"marketer", path + "&from=2026-11-02&to=2026-11-01", 400, "bad_parameter"},
		{"marketer", path + "&from=1999-11-02&to=2026-11-01", 400, "bad_parameter"},
		{"marketer", path + "&compare=century", 400, "bad_parameter"},
		{"marketer", path + "&filter=x", 400, "bad_parameter"},
		{"marketer", path + "&format=xml", 400, "bad_parameter"},
		{"marketer", "/api/v1/nowhere", 404, "not_found"},
	} {
		answer := h.do("GET", c.path, func(r *http.Request) {
			if c.token != "" {
				bearer(c.token)(r)
			}
		})
		wantStatus(t, c.token+" "+c.path, answer, c.status)
		var p problem
		if err := json.Unmarshal([]byte(answer.body), &p); err != nil || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: not a problem: %s", c.path, answer.body)
		}
		if p.Code != c.code || p.Status != c.status || p.Detail == "" || p.Fix == "" || p.Instance == "" || p.Type == "" || p.Title == "" {
			t.Errorf("%s: %s, want the code %s and every member", c.path, answer.body, c.code)
		}
		if c.token == "marketer" && strings.Contains(answer.body, `"other"`) {
			t.Errorf("%s: the answer names a site that the account does not see: %s", c.path, answer.body)
		}
	}
	if got := h.do("POST", path, bearer("admin")); got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST to a report: %s, Allow %q", got.Status, got.Header.Get("Allow"))
	}
	if got := h.do("GET", path, bearer("nonsense"), cookies(h.signIn("ada"))); got.StatusCode != 401 {
		t.Errorf("a wrong token beside a good cookie: %s", got.Status)
	}
}

func TestUnknownReportsAreToldTheKnownOnes(t *testing.T) {
	h := build(t, nil, false)
	var p problem
	if err := json.Unmarshal([]byte(h.do("GET", "/api/v1/reports/nonsense?site=shop", bearer("marketer")).body), &p); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Known, report.Names()) {
		t.Errorf("known reports %v, want %v", p.Known, report.Names())
	}
}

// TestAgainstTheStore runs what needs figures on one engine.
func TestAgainstTheStore(t *testing.T) {
	db := openStore(t)
	if err := db.Insert(context.Background(), "traffic", traffic()); err != nil {
		t.Fatal(err)
	}
	h := build(t, db, false)
	t.Run("json", func(t *testing.T) { reportAsJSON(t, h) })
	t.Run("csv", func(t *testing.T) { reportAsCSV(t, h) })
	t.Run("pages", func(t *testing.T) { pagesAreHarmless(t, h) })
	t.Run("every page", func(t *testing.T) { everyPageIsWhole(t, h) })
	t.Run("the audit log", func(t *testing.T) { auditIsRead(t, h, db) })
	t.Run("uploads", func(t *testing.T) { uploadsAreStoredWholeOrNotAtAll(t, h, db) })
	t.Run("audit", func(t *testing.T) { signInsAreAudited(t, h, db) })
	t.Run("a long question", func(t *testing.T) { longQuestionsCanBeTakenBack(t, db) })
	t.Run("files", func(t *testing.T) { listsAreFiles(t, h) })
	t.Run("installation", func(t *testing.T) { installationIsAnswered(t, h) })
}

func reportAsJSON(t *testing.T, h *house) {
	answer := h.do("GET", path+range20+"&compare=previous", bearer("marketer"))
	wantStatus(t, "report", answer, http.StatusOK)
	var got struct {
		Columns []report.Column
		Rows    []map[string]any
		Totals  map[string]any
		Compare struct {
			From, To string
			Totals   map[string]any
		}
		Meta map[string]any
	}
	if err := json.Unmarshal([]byte(answer.body), &got); err != nil {
		t.Fatalf("%v in %s", err, answer.body)
	}
	if len(got.Rows) != 3 || len(got.Columns) != 18 || got.Totals["visits"] != 60.0 || got.Totals["visitors"] != 60.0 {
		t.Errorf("got %s", answer.body)
	}
	if got.Compare.From != "2026-11-15" || got.Compare.To != "2026-11-19" || got.Compare.Totals["visits"] != 0.0 {
		t.Errorf("compared with %+v", got.Compare)
	}
	if got.Meta["complete_until"] != "2026-11-24T12:00:00Z" || got.Meta["made"] != true || got.Meta["timezone"] != "UTC" {
		t.Errorf("meta %v", got.Meta)
	}
	for _, row := range got.Rows {
		if len(row) != len(got.Columns) || !slices.Contains(hostile, row["campaign"].(string)) {
			t.Errorf("row %v", row)
		}
	}
}

func reportAsCSV(t *testing.T, h *house) {
	answer := h.do("GET", path+range20+"&format=csv&excel=1", bearer("marketer"))
	wantStatus(t, "report", answer, http.StatusOK)
	if got := answer.Header.Get("Content-Disposition"); got != `attachment; filename="campaigns_shop_2026-11-20_2026-11-24.csv"` {
		t.Errorf("Content-Disposition %s", got)
	}
	text, marked := strings.CutPrefix(answer.body, byteOrderMark)
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !marked || len(lines) != 4 {
		t.Fatalf("%v, mark %v, in %q", err, marked, answer.body)
	}
	for _, line := range lines[1:] {
		if strings.HasPrefix(line[2], "=") {
			t.Errorf("a spreadsheet would run %q", line[2])
		}
	}
}

// pagesAreHarmless: names that attack are text, on the page and in its links,
// in both languages; nothing of another site is there.
func pagesAreHarmless(t *testing.T, h *house) {
	session := h.signIn("ada")
	for _, lang := range []string{"en", "zh-CN"} {
		page := h.do("GET", "/reports/campaigns?site=shop"+range20+"&lang="+lang, cookies(session))
		wantStatus(t, "campaigns in "+lang, page, http.StatusOK)
		for _, want := range []string{
			`<html lang="` + lang + `">`, "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;", "Geo by Example", "format=csv", "<figure", "<table",
			`class="made"`, "2026-11-24 12:00",
		} {
			if !strings.Contains(page.body, want) {
				t.Errorf("%s: the page lacks %s", lang, want)
			}
		}
		old := h.do("GET", "/reports/campaigns?site=shop&from=2025-10-01&to=2025-10-31&lang="+lang, cookies(session))
		said := map[string]string{"en": "Kept since 2025-10-25: ", "zh-CN": "自 2025-10-25 起保留"}[lang]
		if !strings.Contains(old.body, said) || strings.Contains(page.body, "note retained") {
			t.Errorf("%s: how far back it reaches is not said, or said of a report within", lang)
		}
		page.body = ownScript.ReplaceAllString(page.body, "")
		for _, never := range []string{"<script", ` onmouseover="`, " style=", "javascript:", "Site other"} {
			if strings.Contains(page.body, never) {
				t.Errorf("%s: the page has %s", lang, never)
			}
		}
	}
	wantStatus(t, "another site", h.do("GET", "/reports/campaigns?site=other", cookies(session)), http.StatusForbidden)
	wantStatus(t, "a wrong day", h.do("GET", "/reports/campaigns?site=shop&from=x", cookies(session)), http.StatusBadRequest)
	wantStatus(t, "no such report", h.do("GET", "/reports/nonsense", cookies(session)), http.StatusNotFound)
	wantStatus(t, "a role without reports", h.do("GET", "/reports/campaigns", cookies(h.signIn("post"))), http.StatusForbidden)
	anyone := h.do("GET", "/reports/campaigns?site=shop")
	if got := anyone.Header.Get("Location"); anyone.StatusCode != http.StatusSeeOther || got != "/signin?next=%2Freports%2Fcampaigns%3Fsite%3Dshop" {
		t.Errorf("without a session: %s to %q", anyone.Status, got)
	}
	filtered := h.do("GET", "/reports/campaigns?site=shop"+range20+"&filter=source:letter", cookies(session))
	wantStatus(t, "filtered", filtered, http.StatusOK)
	if !strings.Contains(filtered.body, `class="chip"`) {
		t.Error("the filter cannot be taken away")
	}
}

func installationIsAnswered(t *testing.T, h *house) {
	answer := h.do("GET", "/api/v1/installation?site=shop", bearer("operator"))
	wantStatus(t, "installation", answer, http.StatusOK)
	var got struct {
		Verdict  string
		Recorded []hitJSON
	}
	if err := json.Unmarshal([]byte(answer.body), &got); err != nil || got.Verdict != "works" || len(got.Recorded) != 1 || *got.Recorded[0].Count != 2 {
		t.Errorf("%v: %s", err, answer.body)
	}
	page := h.do("GET", "/installation?site=shop&lang=en", cookies(h.signIn("ada")))
	wantStatus(t, "page", page, http.StatusOK)
	for _, want := range []string{"Your tag works.", "&lt;script src=&#34;https://t.shop.example/b/shop.js&#34; async&gt;"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// stalled is a store that answers nothing until the question is taken back.
type stalled struct {
	asked, ended chan struct{}
}

func (s stalled) Query(ctx context.Context, _ string, _ map[string]any) (*store.Rows, error) {
	close(s.asked)
	<-ctx.Done()
	close(s.ended)
	return nil, ctx.Err()
}

// A client that leaves ends its query, and is no error of the service's.
func TestALeavingClientEndsItsQuery(t *testing.T) {
	source := stalled{make(chan struct{}), make(chan struct{})}
	h := build(t, source, false)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", h.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer("marketer")(r)
	left := make(chan struct{})
	go func() {
		defer close(left)
		if answer, err := h.server.Client().Do(r); err == nil {
			answer.Body.Close()
			t.Error("an answer for a client that has left")
		}
	}()
	<-source.asked
	cancel()
	<-source.ended
	<-left
	h.server.Close() // waits for the handler
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("logged as an error: %s", h.log.String())
	}
}

// A query that takes too long is ended, and the answer says what to do.
func TestSlowQueriesAreEnded(t *testing.T) {
	h := build(t, stalled{make(chan struct{}), make(chan struct{})}, false)
	h.timeout = time.Millisecond
	h.restart()
	answer := h.do("GET", path, bearer("marketer"))
	wantStatus(t, "a slow report", answer, http.StatusGatewayTimeout)
	if !strings.Contains(answer.body, "fewer days") {
		t.Errorf("the answer does not say what to do: %s", answer.body)
	}
}

// broken is a store that is away.
type broken struct{}

func (broken) Query(context.Context, string, map[string]any) (*store.Rows, error) {
	return nil, errors.New("connection refused by 192.0.2.7")
}

// With the store away the console says so, and not why: that is in the log.
func TestStoreAway(t *testing.T) {
	h := build(t, broken{}, false)
	answer := h.do("GET", path, bearer("marketer"))
	wantStatus(t, "a report", answer, http.StatusServiceUnavailable)
	if strings.Contains(answer.body, "192.0.2.7") || answer.Header.Get("Retry-After") == "" {
		t.Errorf("Retry-After %q, body %s", answer.Header.Get("Retry-After"), answer.body)
	}
	wantStatus(t, "the page", h.do("GET", "/reports/campaigns", cookies(h.signIn("ada"))), http.StatusServiceUnavailable)
	if !strings.Contains(h.log.String(), "192.0.2.7") {
		t.Error("the log does not say why")
	}
}
