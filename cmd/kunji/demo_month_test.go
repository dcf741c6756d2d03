package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine"
)

// TestDemoMonth: the made month has costs, and letters with all that becomes of
// letters and visits that follow from them.
func TestDemoMonth(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	in.withTokens()
	r := in.start("demo", "--per-day", "60")
	defer r.end()
	in.eventually("the month is made", func() error {
		if said := r.said(); !strings.Contains(said, "made visits is in the reports") {
			return fmt.Errorf("it said %s", said)
		}
		return nil
	})
	in.shipped()
	a := &api{t: t, in: in, d: describe(t, in.console)}
	ask := func(path string) (got struct {
		Rows   []map[string]any
		Totals map[string]*float64
	}) {
		t.Helper()
		if err := json.Unmarshal(a.call("marketer", "GET", "/api/v1/reports/"+path, "", "", http.StatusOK), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	mail := ask("mail?site=shop").Totals
	for _, figure := range []string{"sent", "tracked", "recipients", "opens", "proxy_opens", "machine_opens", "openers", "clicks", "machine_clicks", "clickers"} {
		if n := mail[figure]; n == nil || *n == 0 {
			t.Errorf("mail has no %s: %v", figure, mail)
		}
	}
	campaigns := ask("campaigns?site=shop").Rows
	if !slices.ContainsFunc(campaigns, func(row map[string]any) bool { return row["source"] == "baidu" && row["roas"] != nil }) {
		t.Errorf("advertisements cost nothing: %v", campaigns)
	}
	if !slices.ContainsFunc(campaigns, func(row map[string]any) bool { return row["campaign"] == "autumn-tea" && row["medium"] == "email" }) {
		t.Errorf("no letter led to visits: %v", campaigns)
	}
}
