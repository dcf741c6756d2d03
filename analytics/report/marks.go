package report

import (
	"cmp"
	"context"
	_ "embed" // banner_versions.sql
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

//go:embed query/banner_versions.sql
var bannerVersionsSQL string

// Mark says on a chart what may have changed its figures.
type Mark struct {
	Day    Day
	Kind   string // one of the kinds below
	Detail string // a version, hours, what a person wrote
	ID     string // of a written one, and its owner
	Owner  string
}

// The kinds of marks: all but the first set themselves.
const (
	Written       = "note"     // by a person
	PolicyChange  = "policy"   // Detail: the version's number
	BannerChange  = "banner"   // Detail: the version
	RegimeChange  = "regime"   // Detail: the regimes from then on
	SiteStopped   = "stopped"  // collection ended
	SiteResumed   = "resumed"  // and began again
	IncidentBegan = "incident" // Detail: its id
	Gap           = "gap"      // Detail: the hours without any hit
	SpoolBehind   = "behind"   // Detail: since when what was recorded is not in the figures
)

// behindAfter is how much later than now figures may end before it is said.
const behindAfter = 10 * time.Minute

// Marks lists what is to be marked on the days of a question, oldest first.
func Marks(ctx context.Context, src Source, q Query) ([]Mark, error) {
	all := configured(q.Site)
	for _, more := range []func(context.Context, Source, Query) ([]Mark, error){written, stateChanges, bannerChanges, gaps} {
		some, err := more(ctx, src, q)
		if err != nil {
			return nil, fmt.Errorf("marks of %s: %w", q.Site.ID, err)
		}
		all = append(all, some...)
	}
	if until := q.CompleteUntil; !until.IsZero() && q.Now.Sub(until) > behindAfter && DayOf(q.Now, q.Site.Zone) <= q.To {
		all = append(all, Mark{Day: DayOf(until, q.Site.Zone), Kind: SpoolBehind, Detail: until.In(q.Site.Zone).Format("15:04")})
	}
	all = slices.DeleteFunc(all, func(m Mark) bool { return m.Day < q.From || m.Day > q.To })
	slices.SortStableFunc(all, func(a, b Mark) int { return cmp.Compare(a.Day, b.Day) })
	return all, nil
}

// configured are the marks that the site's files know: policy versions after
// the first, incidents.
func configured(s *site.Site) (all []Mark) {
	civil := func(t time.Time) Day { return DayOf(t, time.UTC) } // a date, in no zone
	if s.Policy != nil {
		for _, v := range s.Policy.Versions[min(1, len(s.Policy.Versions)):] {
			all = append(all, Mark{Day: civil(v.Date), Kind: PolicyChange, Detail: strconv.Itoa(v.Number)})
		}
	}
	for _, i := range s.Incidents {
		all = append(all, Mark{Day: civil(i.From), Kind: IncidentBegan, Detail: i.ID})
	}
	return all
}

func written(ctx context.Context, src Source, q Query) (all []Mark, err error) {
	notes, err := Notes(ctx, src, q.Site.ID, MarkNote, "")
	for _, n := range notes {
		all = append(all, Mark{Day(n.Day), Written, n.Name, n.ID, n.Owner})
	}
	return all, err
}

// StateOf writes how a site is configured, as far as marks tell its changes:
// the status, then the regimes by place.
func StateOf(s *site.Site) string {
	var regimes []string
	for place, regime := range s.Regimes {
		regimes = append(regimes, place+" "+regime.String())
	}
	slices.Sort(regimes)
	return s.Status.String() + "\n" + strings.Join(regimes, ", ")
}

// stateChanges compares each state that was noted with the one before.
func stateChanges(ctx context.Context, src Source, q Query) (all []Mark, err error) {
	notes, err := Notes(ctx, src, q.Site.ID, StateNote, "")
	for i := 1; i < len(notes); i++ {
		status, regimes, _ := strings.Cut(notes[i].Body, "\n")
		statusBefore, regimesBefore, _ := strings.Cut(notes[i-1].Body, "\n")
		day := Day(notes[i].Day)
		switch {
		case status == statusBefore:
		case status == site.Stopped.String():
			all = append(all, Mark{Day: day, Kind: SiteStopped})
		default:
			all = append(all, Mark{Day: day, Kind: SiteResumed})
		}
		if regimes != regimesBefore {
			all = append(all, Mark{Day: day, Kind: RegimeChange, Detail: regimes})
		}
	}
	return all, err
}

// bannerChanges are the first days of all versions but the first.
func bannerChanges(ctx context.Context, src Source, q Query) (all []Mark, err error) {
	rows, err := src.Query(ctx, bannerVersionsSQL, map[string]any{"site": q.Site.ID})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for first := true; rows.Next(); first = false {
		m := Mark{Kind: BannerChange}
		var day int32
		if err := rows.Scan(&m.Detail, &day); err != nil {
			return nil, fmt.Errorf("a version of the banner: %w", err)
		}
		if m.Day = Day(day); !first {
			all = append(all, m)
		}
	}
	return all, rows.Err()
}
