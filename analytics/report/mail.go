package report

import (
	"cmp"
	"context"
	_ "embed" // mail.sql, mail_hits.sql
	"strings"
)

//go:embed query/mail.sql
var mailSQL string

//go:embed query/mail_hits.sql
var mailHitsSQL string

// eventsOf puts the events that a report counts into its statement: for mail
// those whose scanners are known by their neighbours.
func eventsOf(report, sql string) string {
	events := "events"
	if report == "mail" {
		events = "(\n" + mailHitsSQL + ") AS events"
	}
	return strings.Replace(sql, "{{events}}", events, 1)
}

// mail says what became of mails, by campaign and content: opens by people, by
// the proxies of mail providers, and by machines; clicks by people and by
// machines (package mail of the edge tells them apart, by each hit alone as it
// comes; mail_hits.sql by its neighbours afterwards).
//
// sent are the mails that were made ready on these days, tracked those of them
// with a pixel or signed links; their opens and clicks may come on later days.
// unsubscribed counts who left on these days, in the totals alone: what
// recipients say about mail names no campaign. None of the three is known by
// what an event was chosen for, such as its country.
//
// recipients are those who opened or clicked. openers and clickers are
// different recipients of each row, and their totals the sums of the rows: one
// who opened two mails is there twice. Openers include those behind a proxy.
// click_to_open is clickers by openers. A second table has the clicks by link:
// see mailLinks.
func mail(ctx context.Context, src Source, q Query) (*Table, error) {
	figures := []Column{
		{"opens", Integer, ""}, {"proxy_opens", Integer, ""}, {"machine_opens", Integer, ""}, {"openers", Integer, ""},
		{"clicks", Integer, ""}, {"machine_clicks", Integer, ""}, {"clickers", Integer, ""},
	}
	dimensions := []string{"source", "campaign", "content"}
	columns := []Column{
		{"source", Text, ""}, {"campaign", Text, ""}, {"content", Text, ""},
		{"sent", Integer, ""}, {"tracked", Integer, ""}, {"recipients", Integer, ""},
	}
	columns = append(append(columns, figures...), Column{"click_to_open", Number, Ratio}, Column{"unsubscribed", Integer, ""})
	whole := len(q.narrow) == 0
	sent := func(name string) func(group) any {
		return func(g group) any {
			if !whole {
				return nil
			}
			return g.figures[name]
		}
	}
	table, err := runGrouped(ctx, src, q, grouped{
		sql: eventsOf("mail", mailSQL), dimensions: dimensions, metrics: figures, columns: columns, withSent: whole,
		derived: map[string]func(group) any{
			"sent":          sent("sent"),
			"tracked":       sent("tracked"),
			"recipients":    func(g group) any { return g.visitors },
			"click_to_open": func(g group) any { return ratio(g.figures["clickers"], g.figures["openers"]) },
			"unsubscribed":  func(group) any { return nil },
		},
		order: func(a, b group) int {
			return cmp.Or(cmp.Compare(b.figures["opens"]+b.figures["proxy_opens"], a.figures["opens"]+a.figures["proxy_opens"]), cmp.Compare(b.visitors, a.visitors))
		},
	})
	if err != nil {
		return nil, err
	}
	links, err := mailLinks(ctx, src, q, table)
	if err != nil {
		return nil, err
	}
	table.More = []*Table{links}
	if !whole || len(q.Filters) > 0 {
		return table, nil
	}
	left := len(columns) - 1
	if table.Totals[left], err = askLeft(ctx, src, q, q.From, q.To); err == nil && table.Compare != nil {
		table.Compare.Totals[left], err = askLeft(ctx, src, q, table.Compare.From, table.Compare.To)
	}
	return table, err
}
