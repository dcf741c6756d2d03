package report

import (
	"cmp"
	"context"
	_ "embed" // installation.sql
	"fmt"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

//go:embed query/installation.sql
var installationSQL string

// Verdict says in one word whether a site's tag works.
type Verdict string

// The verdicts.
const (
	Works   Verdict = "works"   // events were recorded
	Refused Verdict = "refused" // hits arrive and are all refused
	Asking  Verdict = "asking"  // the banner is shown; nobody has answered and been counted yet
	Machine Verdict = "machine" // only machines came
	Silent  Verdict = "silent"  // nothing arrives
	Stopped Verdict = "stopped" // the site's status is stopped
)

// HitCount is how often hits of one sort came.
type HitCount struct {
	Kind   string // empty where the hit named none, or for machines
	Reason string // why refused, or why taken for a machine
	Count  int64
	// Few is true where the count is withheld: it is at least 1 and less than
	// the site's MinGroup.
	Few bool
}

// Installation is what was heard of a site's tag in the last hour.
type Installation struct {
	Site    string
	Verdict Verdict
	// Since is when the hour began. Refusals are counted by clock hour, so
	// theirs began at the clock hour before.
	Since, Until time.Time
	LastEvent    time.Time // the newest event ever; zero for none
	Recorded     []HitCount
	Machines     []HitCount
	Refused      []HitCount // most frequent first
	// BannerShown and BannerAnswered are today's, in the site's zone.
	BannerShown, BannerAnswered int64
}

// CheckInstallation asks what was heard of a site's tag. Refusals of which
// there were fewer than the site's MinGroup are named without their count.
func CheckInstallation(ctx context.Context, src Source, s *site.Site, now time.Time) (*Installation, error) {
	in := &Installation{Site: s.ID, Since: now.Add(-time.Hour).UTC(), Until: now.UTC()}
	rows, err := src.Query(ctx, installationSQL, map[string]any{
		"site": s.ID, "since": in.Since.Format(time.DateTime), "day": DayOf(now, s.Zone).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("installation of %s: %w", s.ID, err)
	}
	defer rows.Close()
	for rows.Next() {
		var part string
		var hit HitCount
		var newest int64
		if err := rows.Scan(&part, &hit.Kind, &hit.Reason, &hit.Count, &newest); err != nil {
			return nil, fmt.Errorf("installation of %s: %w", s.ID, err)
		}
		in.add(part, hit)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("installation of %s: %w", s.ID, err)
	}
	if in.LastEvent, err = newestRow(ctx, src, s.ID); err != nil {
		return nil, fmt.Errorf("installation of %s: %w", s.ID, err)
	}
	in.Verdict = in.judge(s.Status)
	for _, list := range [][]HitCount{in.Recorded, in.Machines, in.Refused} {
		slices.SortFunc(list, func(a, b HitCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Reason, b.Reason))
		})
	}
	for i := range in.Refused {
		if in.Refused[i].Count < int64(s.MinGroup) {
			in.Refused[i].Count, in.Refused[i].Few = 0, true
		}
	}
	return in, nil
}

func (in *Installation) add(part string, hit HitCount) {
	switch part {
	case "event":
		in.Recorded = append(in.Recorded, hit)
	case "machine":
		in.Machines = append(in.Machines, hit)
	case "refusal":
		in.Refused = append(in.Refused, hit)
	case "notice":
		switch event.Outcome(hit.Reason) {
		case event.Shown:
			in.BannerShown += hit.Count
		case event.Accepted, event.Rejected, event.Saved:
			in.BannerAnswered += hit.Count
		}
	}
}

func (in *Installation) judge(status site.Status) Verdict {
	switch {
	case status == site.Stopped:
		return Stopped
	case len(in.Recorded) > 0:
		return Works
	case len(in.Refused) > 0:
		return Refused
	case len(in.Machines) > 0:
		return Machine
	case in.BannerShown > 0:
		return Asking
	}
	return Silent
}
