package console

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
)

const costsPath = "/api/v1/costs?site=shop"

// send makes a body of a type.
func send(media, body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", media)
		r.Body = io.NopCloser(strings.NewReader(body))
	}
}

// missingText is a key of a text that is shown in place of it.
var missingText = regexp.MustCompile(`>\s*((?:column|report|note|option|part|row|step|label|upload|platform|chart|attribution|costs|link|audit|mailtool|form|nav)\.[a-z_.0-9]+)[ <]`)

// ownScript is a module of the console's own, the only kind that pages load.
var ownScript = regexp.MustCompile(`<script type="module" src="/assets/[a-z]+\.[A-Z0-9]+\.js"></script>`)

// everyPageIsWhole: each report's page, with and without options, in both
// languages, has its table, every text, and nothing that the
// Content-Security-Policy would stop.
func everyPageIsWhole(t *testing.T, h *house) {
	session := h.signIn("root")
	pages := []string{uploadPath + "?site=shop", linksPath + "?site=shop", auditPath + "?site=shop", mailPath + "?site=shop"}
	for _, name := range navOrder {
		pages = append(pages, "/reports/"+name+"?site=shop"+range20)
	}
	for _, query := range []string{
		"attribution?lookback=7", "campaigns?detail=term", "campaigns?filter=campaign:x", "timeseries?by=hour", "timeseries?by=week", "timeseries?by=month",
		"timeseries?by=minute", "funnel?step=source:letter&step=conversion&window=7", "retention?x=",
	} {
		pages = append(pages, "/reports/"+query+"&site=shop"+range20)
	}
	for _, lang := range []string{"en", "zh-CN"} {
		for _, at := range pages {
			page := h.do("GET", at+"&lang="+lang, cookies(session))
			wantStatus(t, at+" in "+lang, page, http.StatusOK)
			if found := missingText.FindStringSubmatch(page.body); found != nil {
				t.Errorf("%s in %s says %s", at, lang, found[1])
			}
			page.body = ownScript.ReplaceAllString(page.body, "")
			for _, never := range []string{"<script", " style=", "%!", "NaN"} {
				if strings.Contains(page.body, never) {
					t.Errorf("%s in %s has %s", at, lang, never)
				}
			}
		}
	}
	for _, wrong := range []string{"attribution?lookback=91", "campaigns?detail=x", "timeseries?by=x", "funnel?step=x", "funnel?window=0"} {
		wantStatus(t, wrong, h.do("GET", "/reports/"+wrong+"&site=shop", cookies(session)), http.StatusBadRequest)
		wantStatus(t, "api "+wrong, h.do("GET", "/api/v1/reports/"+wrong+"&site=shop", bearer("admin")), http.StatusBadRequest)
	}
	paths := h.do("GET", "/api/v1/reports/attribution?site=shop&format=csv&part=paths", bearer("marketer"))
	if !strings.HasPrefix(paths.body, "path,conversions,value") || !strings.Contains(paths.Header.Get("Content-Disposition"), "attribution_paths_shop") {
		t.Errorf("a part as CSV: %s %s", paths.Header.Get("Content-Disposition"), paths.body)
	}
	wantStatus(t, "no such part", h.do("GET", "/api/v1/reports/attribution?site=shop&format=csv&part=x", bearer("marketer")), http.StatusBadRequest)
}

// costOf asks what a campaign cost.
func costOf(t *testing.T, h *house, campaign string) any {
	t.Helper()
	var got struct{ Rows []map[string]any }
	answer := h.do("GET", "/api/v1/reports/campaigns?site=shop"+range20, bearer("marketer"))
	if err := json.Unmarshal([]byte(answer.body), &got); err != nil {
		t.Fatalf("%v in %s", err, answer.body)
	}
	for _, row := range got.Rows {
		if row["campaign"] == campaign {
			return row["cost"]
		}
	}
	return nil
}

func uploadsAreStoredWholeOrNotAtAll(t *testing.T, h *house, db *store.Store) {
	const header = "day,source,medium,campaign,amount,clicks\n"
	steps := []struct {
		what   string
		change []func(*http.Request)
		status int
		cost   any // of the campaign new, afterwards
	}{
		{"no account", []func(*http.Request){send("text/csv", header)}, 401, nil},
		{"a role without costs", []func(*http.Request){bearer("mailer"), send("text/csv", header)}, 403, nil},
		{"another role without costs", []func(*http.Request){bearer("operator"), send("text/csv", header)}, 403, nil},
		{"one wrong line", []func(*http.Request){bearer("marketer"), send("text/csv", header+"2026-11-22,s,m,new,12.5,3\n2026-11-23,s,m,new,x,3\n")}, 422, nil},
		{"good", []func(*http.Request){bearer("marketer"), send("text/csv", header+"2026-11-22,s,m,new,12.5,3\n2026-11-23,s,m,new,1,3\n")}, 200, 13.5},
		{"the same again", []func(*http.Request){bearer("marketer"), send("text/csv", header+"2026-11-22,s,m,new,12.5,3\n")}, 200, 13.5},
		{"a correction", []func(*http.Request){bearer("marketer"), send("application/json", `[{"day":"2026-11-22","source":"s","medium":"m","campaign":"new","amount":2.25}]`)}, 200, 3.25},
		{"not JSON", []func(*http.Request){bearer("marketer"), send("application/json", `{}`)}, 422, 3.25},
		{"too large", []func(*http.Request){bearer("marketer"), send("text/csv", header+strings.Repeat("#", maxUpload))}, 413, 3.25},
	}
	for _, s := range steps {
		answer := h.do("POST", costsPath, s.change...)
		wantStatus(t, s.what, answer, s.status)
		if got := costOf(t, h, "new"); got != s.cost {
			t.Errorf("%s: the campaign has cost %v, want %v", s.what, got, s.cost)
		}
		if s.status != 422 {
			continue
		}
		var p problem
		if err := json.Unmarshal([]byte(answer.body), &p); err != nil || p.Code != "bad_file" || len(p.Faults) == 0 || p.Faults[0].Line == 0 {
			t.Errorf("%s: the faults are not told: %s", s.what, answer.body)
		}
	}
	wantStatus(t, "another site", h.do("POST", "/api/v1/costs?site=other", bearer("marketer"), send("text/csv", header)), http.StatusForbidden)
	session := h.signIn("ada")
	call := []func(*http.Request){cookies(session), send("text/csv", header+"2026-11-22,s,m,new,9,\n")}
	wantStatus(t, "a session without its token", h.do("POST", costsPath, call...), http.StatusForbidden)
	csrf := csrfOf(t, h.do("GET", uploadPath, cookies(session)).body)
	wantStatus(t, "a session with its token", h.do("POST", costsPath, append(call, func(r *http.Request) { r.Header.Set(csrfHeader, csrf) })...), http.StatusOK)
	formsStoreToo(t, h, session, csrf)
	ratesAreStored(t, h)
	if got := auditLines(t, db, "costs_uploaded"); !strings.Contains(got, "token marketer|shop|2 rows, 2026-11-22 to 2026-11-23") || !strings.Contains(got, "ada|shop|1 rows") {
		t.Errorf("the audit log says %s", got)
	}
	without := build(t, db, false)
	without.keeper = nil
	without.restart()
	wantStatus(t, "a console without a store", without.do("POST", costsPath, bearer("marketer"), send("text/csv", header)), http.StatusServiceUnavailable)
}

// formsStoreToo sends the page's own form.
func formsStoreToo(t *testing.T, h *house, session []*http.Cookie, csrf string) {
	t.Helper()
	post := func(csrf, file string) reply {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for name, value := range map[string]string{"csrf": csrf, "site": "shop", "platform": "", "source": "", "medium": ""} {
			_ = w.WriteField(name, value)
		}
		part, err := w.CreateFormFile("file", "costs.csv")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, file)
		_ = w.Close()
		return h.do("POST", uploadPath+"?lang=en", cookies(session), send(w.FormDataContentType(), b.String()))
	}
	wantStatus(t, "a form of another session", post("x", "day,source,amount\n2026-11-22,form,5\n"), http.StatusForbidden)
	wrong := post(csrf, "day,source,amount\n2026-11-22,form,\"5\n")
	wantStatus(t, "a file with an error", wrong, http.StatusUnprocessableEntity)
	if !strings.Contains(wrong.body, "Nothing was stored") || !strings.Contains(wrong.body, `<td class="n">2</td>`) {
		t.Errorf("the page does not tell the line: %s", wrong.body)
	}
	good := post(csrf, "day,source,amount\n2026-11-22,form,5\n")
	wantStatus(t, "a good file", good, http.StatusOK)
	if !strings.Contains(good.body, "Stored: 1 rows.") || costOf(t, h, "") != 5.0 {
		t.Errorf("not stored: %v, %s", costOf(t, h, ""), good.body)
	}
}

func ratesAreStored(t *testing.T, h *house) {
	t.Helper()
	const body = "day,source,medium,campaign,amount,currency\n2026-11-22,s,m,abroad,10,USD\n"
	wantStatus(t, "dollars", h.do("POST", costsPath, bearer("marketer"), send("text/csv", body)), http.StatusOK)
	if got := costOf(t, h, "abroad"); got != nil && got != 0.0 {
		t.Errorf("dollars without a rate count as %v", got)
	}
	wantStatus(t, "a rate", h.do("POST", "/api/v1/rates?site=shop", bearer("marketer"), send("text/csv", "day,currency,rate\n2026-11-01,USD,0.9\n")), http.StatusOK)
	if got := costOf(t, h, "abroad"); got != 9.0 {
		t.Errorf("ten dollars at 0.9 count as %v", got)
	}
	wantStatus(t, "a wrong rate", h.do("POST", "/api/v1/rates?site=shop", bearer("marketer"), send("application/json", `[{"day":"2026-11-01","currency":"USD","rate":-1}]`)), http.StatusUnprocessableEntity)
}

// auditLines returns actor|site|detail of an action, a line each.
func auditLines(t *testing.T, source report.Source, action string) string {
	t.Helper()
	rows, err := source.Query(t.Context(), "SELECT concat(actor, '|', site, '|', detail) FROM audit WHERE action = {action:String}", map[string]any{"action": action})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// signInsAreAudited: who and what, never a password, an address, or a name
// that is not an account's.
func signInsAreAudited(t *testing.T, h *house, db *store.Store) {
	h.attempt("ada", "a wrong secret", "/")
	h.attempt("my password as a name", "x", "/")
	session := h.signIn("ada")
	page := h.do("GET", "/reports/campaigns", cookies(session))
	h.do("POST", "/signout", cookies(session), form(url.Values{"csrf": {csrfOf(t, page.body)}}))
	failed := strings.Split(auditLines(t, db, "sign_in_failed"), "\n")
	if strings.Join(failed, ";") != "ada||;||" && strings.Join(failed, ";") != "||;ada||" {
		t.Errorf("failed sign-ins: %q", failed)
	}
	if got := auditLines(t, db, "signed_in"); !strings.Contains(got, "ada||marketer") {
		t.Errorf("sign-ins: %q", got)
	}
	if got := auditLines(t, db, "signed_out"); got != "ada||" {
		t.Errorf("sign-outs: %q", got)
	}
}
