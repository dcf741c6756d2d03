package consent

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// The columns of testdata/decisions.txt, and every value of each.
const (
	colNeeds = iota
	colStatus
	colRecord
	colChoice
	colRegime
	colSignal
	colAge
	colNode
	numColumns
)

var columns = [numColumns][]string{
	colNeeds:  {"analytics", "marketing", "mail"},
	colStatus: {"live", "stopped"},
	colRecord: {"none", "current", "signalled", "material", "expired", "forged", "withdrawn"},
	colChoice: {"unset", "granted", "denied", "older_yes", "older_no"},
	colRegime: {"opt_in", "opt_out"},
	colSignal: {"off", "on"},
	colAge:    {"not_asked", "unanswered", "earlier", "adult", "minor", "guardian", "known_minor"},
	colNode:   {"home", "no_purpose", "unset", "denied", "granted", "older_yes"},
}

// rule is one row: a set of values per column, and what follows.
type rule struct {
	line    int
	allowed [numColumns][]string // nil: any
	outcome string
	used    bool
}

func (r *rule) fits(c *[numColumns]string) bool {
	for i, allowed := range r.allowed {
		if allowed != nil && !slices.Contains(allowed, c[i]) {
			return false
		}
	}
	return true
}

type decisions []rule

func readDecisions(t *testing.T) decisions {
	t.Helper()
	file, err := os.Open("testdata/decisions.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out decisions
	scanner := bufio.NewScanner(file)
	for line := 1; scanner.Scan(); line++ {
		text := scanner.Text()
		if strings.HasPrefix(text, "#") || strings.TrimSpace(text) == "" {
			continue
		}
		left, outcome, ok := strings.Cut(text, "=>")
		cells := strings.Fields(left)
		if !ok || len(cells) != numColumns {
			t.Fatalf("decisions.txt:%d: has %d columns, want %d and an outcome", line, len(cells), numColumns)
		}
		r := rule{line: line, outcome: strings.TrimSpace(outcome)}
		for i, cell := range cells {
			if cell == "*" {
				continue
			}
			r.allowed[i] = strings.Split(cell, "|")
			for _, v := range r.allowed[i] {
				if !slices.Contains(columns[i], v) {
					t.Fatalf("decisions.txt:%d: %q is no value of column %d", line, v, i+1)
				}
			}
		}
		out = append(out, r)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (d decisions) outcome(t *testing.T, c [numColumns]string) string {
	for i := range d {
		if d[i].fits(&c) {
			d[i].used = true
			return d[i].outcome
		}
	}
	t.Fatalf("decisions.txt has no row for %v", c)
	return ""
}

// kindsOf is the contract's table "kept | needs".
var kindsOf = map[string][]event.Kind{
	"analytics": {event.PageView, event.Custom},
	"marketing": {event.Visit, event.Impression, event.Click, event.Conversion, event.Refund},
	"mail":      {event.MailOpen, event.MailClick},
}

// TestEveryDecision runs every kind × choice × record × regime × signal × age ×
// node × status against the table, with the decisions about analytics and
// marketing independent of each other.
func TestEveryDecision(t *testing.T) {
	table := readDecisions(t)
	tried := 0
	var c [numColumns]string
	each(&c, colStatus, func() {
		for _, analytics := range columns[colChoice] {
			for _, marketing := range columns[colChoice] {
				s, possible := situation(&c, analytics, marketing)
				if !possible {
					continue
				}
				tried++
				checkSituation(t, table, c, s, analytics, marketing)
				if t.Failed() {
					t.Fatalf("situation: %v, analytics %s, marketing %s", c[colStatus:], analytics, marketing)
				}
			}
		}
	})
	if tried < 10_000 {
		t.Errorf("tried only %d situations", tried)
	}
	for _, r := range table {
		if !r.used {
			t.Errorf("decisions.txt:%d decides nothing", r.line)
		}
	}
}

// each sets every combination of the columns from i on, but for the choice,
// which its caller has two of.
func each(c *[numColumns]string, i int, f func()) {
	switch i {
	case numColumns:
		f()
	case colChoice:
		each(c, i+1, f)
	default:
		for _, v := range columns[i] {
			c[i] = v
			each(c, i+1, f)
		}
	}
}

func checkSituation(t *testing.T, table decisions, c [numColumns]string, s *Situation, analytics, marketing string) {
	t.Helper()
	row := func(needs, choice string) string {
		c[colNeeds], c[colChoice] = needs, choice
		return table.outcome(t, c)
	}
	want := map[string]string{"analytics": row("analytics", analytics), "marketing": row("marketing", marketing), "mail": row("mail", "unset")}
	for needs, kinds := range kindsOf {
		for _, kind := range kinds {
			got := Judge(kind, s)
			if outcomeOf(got) != want[needs] {
				t.Errorf("%s: %s, want %s", kind, outcomeOf(got), want[needs])
			}
			// Contract: campaign, click id, referring site and channel of any
			// event need marketing, on the ground that the event stands on.
			attributed := strings.HasPrefix(want[needs], "kept") && want["marketing"] == want[needs]
			if got.Attributed != attributed {
				t.Errorf("%s: attributed %t, want %t", kind, got.Attributed, attributed)
			}
		}
	}
	checkMay(t, site.Analytics, s, want["analytics"])
	checkMay(t, site.Marketing, s, want["marketing"])
}

// checkMay: a cookie needs a record; opt_out sets none (contract: "before the
// visitor acts: no visitor id, no session").
func checkMay(t *testing.T, p site.Purpose, s *Situation, want string) {
	t.Helper()
	reason := May(p, s)
	switch {
	case want == "kept record" && reason != event.None:
		t.Errorf("May(%s) refuses a grant: %s", p, reason)
	case want == "kept opt_out" && reason != event.NoConsent:
		t.Errorf("May(%s) under opt_out = %q, want no_consent", p, reason)
	case strings.HasPrefix(want, "refused ") && "refused "+reason.String() != want:
		// Abroad an opt_out lacks two things; either is a true answer.
		if want != "refused cross_border" || s.Regime != site.OptOut || reason != event.NoConsent {
			t.Errorf("May(%s) = %q, want %s", p, reason, want)
		}
	}
	state := StateOf(s).Decisions[p]
	if reason == event.None && state != Granted {
		t.Errorf("%s is granted but shown as %s", p, state)
	}
	if state == Granted && reason != event.None && reason != event.CrossBorder && reason != event.SiteStopped {
		t.Errorf("%s is shown as granted but refused: %s", p, reason)
	}
}

func outcomeOf(v Verdict) string {
	if v.Reason == event.None {
		return "kept " + v.Basis.String()
	}
	return "refused " + v.Reason.String()
}

var today = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

func dayOf(t time.Time) int32 { return int32(t.Unix() / 86400) }

// testSite asks for everything, at version 2, and its policy's third version is
// material.
func testSite() *site.Site {
	return &site.Site{
		ID: "shop", Region: "cn", ConsentLifetime: 180 * 24 * time.Hour,
		Purposes: []site.PurposeUse{{ID: site.Preferences, Version: 2}, {ID: site.Analytics, Version: 2}, {ID: site.Marketing, Version: 2}, {ID: site.CrossBorder, Version: 2}},
		Policy: &site.Policy{Versions: []site.PolicyVersion{
			{Number: 1}, {Number: 2}, {Number: 3, Material: []site.Material{site.MaterialRecipients}}, {Number: 4},
		}},
	}
}

func choiceOf(name string) Choice {
	switch name {
	case "granted":
		return Choice{Granted, 2}
	case "denied":
		return Choice{Denied, 2}
	case "older_yes":
		return Choice{Granted, 1}
	case "older_no":
		return Choice{Denied, 1}
	}
	return Choice{}
}

// situation builds what the columns name; false where they contradict each
// other (no record, yet a choice).
func situation(c *[numColumns]string, analytics, marketing string) (*Situation, bool) {
	st := testSite()
	s := &Situation{Site: st, Now: today, GPC: c[colSignal] == "on", Away: c[colNode] != "home"}
	if c[colStatus] == "stopped" {
		st.Status = site.Stopped
	}
	if c[colRegime] == "opt_out" {
		s.Regime = site.OptOut
	}
	if c[colNode] == "no_purpose" {
		st.Purposes = st.Purposes[:3]
	}
	st.Minors.Ask = c[colAge] != "not_asked" && c[colAge] != "known_minor"
	r := Record{Site: st.ID, Policy: 3, Day: dayOf(today), Signal: c[colRecord] == "signalled", ID: [16]byte{1}}
	r.Choices[site.Analytics], r.Choices[site.Marketing] = choiceOf(analytics), choiceOf(marketing)
	r.Choices[site.CrossBorder] = choiceOf(c[colNode])
	r.Age = map[string]Age{"unanswered": Unanswered, "adult": Adult, "minor": Minor, "guardian": Minor, "known_minor": Minor}[c[colAge]]
	r.Guardian = c[colAge] == "guardian"
	switch c[colRecord] {
	case "none":
		blank := analytics == "unset" && marketing == "unset" && choiceOf(c[colNode]) == Choice{}
		return s, blank && (c[colAge] == "not_asked" || c[colAge] == "unanswered")
	case "forged":
		s.Problem = event.BadSignature
	case "withdrawn":
		s.Problem = event.Withdrawal
	case "material":
		r.Policy = 2
	case "expired":
		r.Day = dayOf(today.Add(-182 * 24 * time.Hour))
	}
	if s.Problem == event.None {
		s.Record = r
	}
	return s, true
}
