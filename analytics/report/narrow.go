package report

import (
	"context"
	_ "embed" // narrow.sql, narrowed_day.sql
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

//go:embed query/narrow.sql
var narrowSQL string

//go:embed query/narrowed_day.sql
var narrowedDaySQL string

//go:embed query/narrowed_sales.sql
var narrowedSalesSQL string

//go:embed query/narrowed_visitor_days.sql
var narrowedVisitorDaysSQL string

// A narrowed report is the report over the events that its filters choose, as
// if there were no others, with three exceptions: which conversion of an order
// is the first is settled over all, and so is which clicks in mails are a
// scanner's burst; a refund is chosen by its order's conversion where that is
// known.
//
// page chooses the sessions in which a page was seen, entry_page those that
// began on it (known of those who agreed to marketing), bot machines in place
// of people; without it they are left out.
//
// Attribution is of the chosen conversions: the way that led to one is told
// whole, whatever its visits were.
type narrowing struct {
	conditions []string // one for the filters of each column that keep, one for each that leaves out
	values     []oneValue
	params     map[string]any
	bots       bool
	// since bounds in SQL how far back the sessions are looked for that saw a page.
	since string
}

// oneValue is a value of several that a condition has: sql says what it alone adds
// to the others.
type oneValue struct {
	condition int // its index
	sql       string
}

// narrowed is a source whose statements see only the events that filters
// choose. It puts their condition where a statement says 1 /* narrowed */, and
// events in the place of the tables that views make of them, which do not have
// every column.
type narrowed struct {
	Source
	narrowing
}

// viewed is how statements name a table that a view makes, ofEvents what has the
// same of chosen events.
var (
	viewed   = regexp.MustCompile(`FROM (campaign_day|sales|visitor_days)\b`)
	ofEvents = map[string]string{"campaign_day": narrowedDaySQL, "sales": narrowedSalesSQL, "visitor_days": narrowedVisitorDaysSQL}
)

// Query answers a statement over the chosen events.
func (n narrowed) Query(ctx context.Context, sql string, params map[string]any) (*store.Rows, error) {
	sql = viewed.ReplaceAllStringFunc(sql, func(found string) string {
		name := strings.TrimPrefix(found, "FROM ")
		return "FROM (\n" + ofEvents[name] + ") AS " + name
	})
	if len(n.conditions) > 0 {
		sql = strings.ReplaceAll(sql, "1 /* narrowed */", strings.Join(n.conditions, " AND "))
	}
	if n.bots { // in the conditions too: the sessions are those of machines then
		sql = strings.ReplaceAll(sql, "machine = 0", "machine = 1")
	}
	all := maps.Clone(params)
	maps.Copy(all, n.params)
	return n.Source.Query(store.Threads(ctx, 0), sql, all)
}

// narrowingBy makes the conditions of a report's filters.
func narrowingBy(report string, filters []Filter) narrowing {
	n := narrowing{params: map[string]any{}, since: "toDate(time) >= {from:Date} - 1 AND "}
	if report == "retention" { // who was seen before is new nowhere
		n.since = ""
	}
	keeps := map[string][]string{} // values by column
	var order []string
	for _, f := range filters {
		switch {
		case f.Column == "bot":
			n.bots = f.Not != (f.Value == botsOnly)
		case f.Not:
			n.conditions = append(n.conditions, "NOT "+n.condition(f.Column, []string{f.Value}))
		default:
			if keeps[f.Column] == nil {
				order = append(order, f.Column)
			}
			keeps[f.Column] = append(keeps[f.Column], f.Value)
		}
	}
	for _, column := range order {
		values := keeps[column]
		n.conditions = append(n.conditions, n.condition(column, values))
		if len(values) == 1 {
			continue
		}
		for i, v := range values {
			others := slices.Delete(slices.Clone(values), i, i+1)
			adds := "(" + n.condition(column, []string{v}) + " AND NOT " + n.condition(column, others) + ")"
			n.values = append(n.values, oneValue{len(n.conditions) - 1, adds})
		}
	}
	return n
}

// condition says in SQL that a column has one of the values. They travel as
// parameters; the text is of a fixed set.
func (n *narrowing) condition(column string, values []string) string {
	exact, begins := []string{}, []string{}
	for _, v := range values {
		if prefix, ok := strings.CutSuffix(v, "*"); ok {
			begins = append(begins, prefix)
		} else {
			exact = append(exact, v)
		}
	}
	number := len(n.params)/2 + 1
	n.params[fmt.Sprintf("exact%d", number)], n.params[fmt.Sprintf("begins%d", number)] = exact, begins
	fits := func(expression string) string {
		return fmt.Sprintf("(has({exact%[1]d:Array(String)}, %[2]s) OR arrayExists(p -> startsWith(%[2]s, p), {begins%[1]d:Array(String)}))", number, expression)
	}
	const page = "concat(toString(host), path)"
	switch column {
	case "page": // an event without a session stands for itself
		return "if(session = 0, " + fits(page) + ", session GLOBAL IN (" + n.sessionsOf("kind = 'page_view'", fits(page)) + "))"
	case "entry_page":
		return "(session != 0 AND session GLOBAL IN (" + n.sessionsOf("kind = 'visit'", fits(page)) + "))"
	}
	return fits(eventExpressions[column])
}

// sessionsOf asks for the sessions that have such an event on the days of the
// report, and a day more at both ends for those that go over midnight.
func (n *narrowing) sessionsOf(kind, fits string) string {
	return "SELECT session FROM events WHERE site = {site:String} AND " + kind + " AND machine = 0 AND session != 0 AND " +
		n.since + "toDate(time) <= {to:Date} + 1 AND " + fits
}

// narrowedKinds are the events that a report's visitors are counted by.
func narrowedKinds(report string, o Options) []string {
	switch report {
	case "pages", "retention":
		return []string{"page_view", "visit"}
	case "attribution":
		return []string{"conversion"}
	case "mail":
		return []string{"mail_open", "mail_click"}
	case "funnel":
		var kinds []string
		for _, s := range o.Steps {
			kinds = append(kinds, stepKinds[s.Kind].event)
		}
		return kinds
	}
	return []string{"visit", "page_view", "custom", "conversion"}
}

// names reports whether a narrowed report would be about too few: the filters
// choose fewer than MinGroup people, or one of them, the others holding, leaves
// out that few, or adds them to its column's other values, so that two reports
// would show them by their difference (policy 2.3.3). Nobody at all counts as too
// few: a handful must not be told from nobody. Machines are no people.
func (n narrowing) names(ctx context.Context, src Source, report string, q Query) (bool, error) {
	if len(n.conditions) == 0 || report == "bots" { // machines are no people, and few hits are folded
		return false, nil
	}
	few, err := n.few(ctx, src, report, q, "0")
	enough := len(few) > 0 && !few[0]
	return !enough, err
}

// few says of each step that has chosen events, or events that a condition alone
// leaves out, whether it is about too few; at is what the steps are in SQL.
func (n narrowing) few(ctx context.Context, src Source, report string, q Query, at string) (map[int64]bool, error) {
	params := map[string]any{
		"site": q.Site.ID, "from": q.From.String(), "to": q.To.String(), "zone": q.Site.Zone.String(), "kinds": narrowedKinds(report, q.Options),
	}
	var values []string
	for _, v := range n.values {
		values = append(values, v.sql)
	}
	within := ""
	if report == "timeseries" && q.Options.By == ByMinute {
		within = " AND time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}"
		since, until := q.moments()
		params["since"], params["until"] = since.UTC().Format(time.DateTime), until.UTC().Format(time.DateTime)
	}
	sql := strings.NewReplacer(
		"{{at}}", at, "{{within}}", within,
		"{{conditions}}", strings.Join(n.conditions, ",\n            "), "{{values}}", strings.Join(values, ",\n            "),
	).Replace(eventsOf(report, narrowSQL))
	rows, err := narrowed{src, narrowing{params: n.params, bots: n.bots}}.Query(ctx, sql, params)
	if err != nil {
		return nil, fmt.Errorf("who is chosen by the filters: %w", err)
	}
	defer rows.Close()
	few, chosen := map[int64]bool{}, map[int64]bool{}
	for rows.Next() {
		var step, part, people int64
		if err := rows.Scan(&step, &part, &people); err != nil {
			return nil, fmt.Errorf("who is chosen by the filters: %w", err)
		}
		few[step] = few[step] || people < int64(q.Site.MinGroup)
		chosen[step] = chosen[step] || part == 0
	}
	for step := range few {
		few[step] = few[step] || !chosen[step]
	}
	return few, rows.Err()
}

// split sets the filters apart that choose events.
func (q *Query) split(report string) error {
	if err := checkFilters(q.Filters, FilterColumns(report)); err != nil {
		return err
	}
	own := Dimensions(report)
	q.narrow = nil
	for _, f := range q.Filters {
		if !slices.Contains(own, f.Column) {
			q.narrow = append(q.narrow, f)
		}
	}
	q.Filters = slices.DeleteFunc(slices.Clone(q.Filters), func(f Filter) bool { return !slices.Contains(own, f.Column) })
	return nil
}
