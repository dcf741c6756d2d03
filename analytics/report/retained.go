package report

import "time"

// counterMonths is how long counts of refusals and banner views are kept
// (005_refusals.sql, 006_notices.sql), less the one that is under way.
const counterMonths = 24

// retained says from which day on everything that a report counts is kept, where
// it was asked for earlier ones; zero where it reaches no further back. sums says
// that of those days the rollup's sums are there: they name nobody and stay,
// visitors of them added up by day and campaign.
func (q *Query) retained(report string, compared *Comparison, lookback int) (since Day, sums bool) {
	if q.Now.IsZero() {
		return 0, false
	}
	today := DayOf(q.Now, q.Site.Zone)
	switch report {
	case "costs": // nothing of it goes
		return 0, false
	case "consent":
		since = DayOf(q.Now.In(q.Site.Zone).AddDate(0, -counterMonths, 0), q.Site.Zone)
	default:
		if q.Site.RetainEvents <= 0 {
			return 0, false
		}
		since = today - Day(q.Site.RetainEvents/(24*time.Hour))
	}
	from := q.From - Day(lookback)
	if compared != nil {
		from = min(from, compared.From)
	}
	if from >= since {
		return 0, false
	}
	switch report {
	case "campaigns", "channels", "sources", "timeseries":
		sums = len(q.narrow) == 0 && !q.Options.By.fine() // filters choose events, and hours are of events
	}
	return since, sums
}

// note says it, in English, for JSON, CSV and the command line; empty where there
// is nothing to say.
func (m *Meta) note() string {
	switch {
	case m.RetainedSince == 0:
		return ""
	case m.SumsBefore:
		return "retained since " + m.RetainedSince.String() + ": of the days before there are sums only, visitors are added up by day and campaign, conversions are missing"
	}
	return "retained since " + m.RetainedSince.String() + ": of the days before there is nothing, or a part"
}
