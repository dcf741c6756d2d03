package console

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// listsAreFiles: what the pages of lists show is there as CSV, for the same
// people, and a report's file has the totals that its page has.
func listsAreFiles(t *testing.T, h *house) {
	session := h.signIn("root")
	page := h.do("GET", "/notes/marks?site=shop", cookies(session))
	h.do("POST", "/notes/marks", cookies(session), form(url.Values{"csrf": {csrfOf(t, page.body)}, "site": {"shop"}, "day": {"2026-11-20"}, "name": {"=sale"}}))
	link := regexp.MustCompile(`class="download" href="([^"]+)"`)
	for at, want := range map[string][]string{
		"/notes/marks?site=shop":               {"id", "name", "owner", "created", "day", "filters", "report", "question", "expires", "path"},
		"/installation?site=shop":              {"outcome", "kind", "reason", "count", "fewer_than"},
		auditPath + "?action=signed_in":        {"time", "actor", "action", "site", "detail"},
		"/reports/sources?site=shop" + range20: {"source", "channel", "visits", "visitors", "conversions", "value", "refunds", "rate"},
	} {
		found := link.FindStringSubmatch(h.do("GET", at, cookies(session)).body)
		if found == nil {
			t.Fatalf("%s has no file", at)
		}
		file := strings.ReplaceAll(found[1], "&amp;", "&")
		answer := h.do("GET", file, cookies(session))
		text, marked := strings.CutPrefix(answer.body, byteOrderMark)
		lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || !marked || answer.StatusCode != http.StatusOK || len(lines) < 2 || !slices.Equal(lines[0], want) {
			t.Fatalf("%s: %v, %s\n%s", file, err, answer.Status, answer.body)
		}
		if !strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment; filename=") {
			t.Errorf("%s is no file: %v", file, answer.Header)
		}
		switch {
		case strings.HasPrefix(at, "/notes/") && lines[1][1] != "'=sale":
			t.Errorf("a spreadsheet would run %q", lines[1])
		case strings.HasPrefix(at, "/reports/") && (lines[len(lines)-1][0] != "total" || lines[len(lines)-1][2] != "60"):
			t.Errorf("the last line is %q", lines[len(lines)-1])
		}
	}
	wantStatus(t, "a marketer's audit log", h.do("GET", "/api/v1/audit?format=csv", bearer("marketer")), http.StatusForbidden)
	wantStatus(t, "an unknown format", h.do("GET", "/api/v1/audit?format=xml", bearer("admin")), http.StatusBadRequest)
}
