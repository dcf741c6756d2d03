package report

import (
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// installationJudges: what was heard gives the verdict, and refusals of which
// there are few are named without their count.
func installationJudges(t *testing.T, db *store.Store) {
	now := time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC)
	refusal := func(siteID string, reason event.Reason, country string, n uint32) *event.Refusal {
		return &event.Refusal{Site: siteID, Hour: now.Truncate(time.Hour), Kind: event.PageView, Reason: reason, Country: country, Count: n}
	}
	machine := visits("in-machine", "c", 1, 1)
	machine[0].Agent.Machine, machine[0].Agent.MachineReason = true, "crawler"
	old := visits("in-silent", "c", 1, 1)
	old[0].Time = now.Add(-2 * time.Hour)
	insert(t, db, "installation", store.Batch{
		Events: slices.Concat(visits("in-works", "c", 1, 3), machine, old),
		Refusals: []*event.Refusal{
			refusal("in-works", event.NoConsent, "CN", 4), refusal("in-works", event.NoConsent, "US", 4), refusal("in-works", event.GPC, "US", 4),
			refusal("in-refused", event.WrongOrigin, "", 9),
		},
		Notices: []*event.Notice{
			{Site: "in-asking", Day: int32(now.Unix() / 86400), Outcome: event.Shown, Count: 7},
			{Site: "in-asking", Day: int32(now.Unix()/86400) - 1, Outcome: event.Shown, Count: 100},
			{Site: "in-asking", Day: int32(now.Unix() / 86400), Outcome: event.Rejected, Count: 2},
		},
	})
	for id, want := range map[string]Verdict{
		"in-works": Works, "in-refused": Refused, "in-machine": Machine, "in-asking": Asking, "in-silent": Silent, "in-nothing": Silent, "in-stopped": Stopped,
	} {
		s := newSite(t, id, "UTC", "EUR")
		if want == Stopped {
			s.Status = site.Stopped
		}
		got, err := CheckInstallation(t.Context(), db, s, now)
		if err != nil {
			t.Fatal(err)
		}
		if got.Verdict != want {
			t.Errorf("%s: verdict %s, want %s", id, got.Verdict, want)
		}
		switch id {
		case "in-works":
			wantRefused := []HitCount{{"page_view", "no_consent", 8, false}, {"page_view", "gpc", 0, true}}
			if !slices.Equal(got.Refused, wantRefused) || !slices.Equal(got.Recorded, []HitCount{{"visit", "", 3, false}}) {
				t.Errorf("heard %+v", got)
			}
		case "in-asking":
			if got.BannerShown != 7 || got.BannerAnswered != 2 {
				t.Errorf("banner shown %d, answered %d; want 7, 2", got.BannerShown, got.BannerAnswered)
			}
		case "in-silent":
			if !got.LastEvent.Equal(old[0].Time) {
				t.Errorf("newest event %s, want %s", got.LastEvent, old[0].Time)
			}
		case "in-nothing":
			if !got.LastEvent.IsZero() {
				t.Errorf("newest event %s of a site that has none", got.LastEvent)
			}
		}
	}
}
