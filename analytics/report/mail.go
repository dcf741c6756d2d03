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
// recipients are those who opened or clicked. openers and clickers are
// different recipients of each row, and their totals the sums of the rows: one
// who opened two mails is there twice. Openers include those behind a proxy.
// click_to_open is clickers by openers.
func mail(ctx context.Context, src Source, q Query) (*Table, error) {
	figures := []Column{
		{"opens", Integer, ""}, {"proxy_opens", Integer, ""}, {"machine_opens", Integer, ""}, {"openers", Integer, ""},
		{"clicks", Integer, ""}, {"machine_clicks", Integer, ""}, {"clickers", Integer, ""},
	}
	dimensions := []string{"source", "campaign", "content"}
	columns := []Column{{"source", Text, ""}, {"campaign", Text, ""}, {"content", Text, ""}, {"recipients", Integer, ""}}
	columns = append(append(columns, figures...), Column{"click_to_open", Number, Ratio})
	return runGrouped(ctx, src, q, grouped{
		sql: eventsOf("mail", mailSQL), dimensions: dimensions, metrics: figures, columns: columns,
		derived: map[string]func(group) any{
			"recipients":    func(g group) any { return g.visitors },
			"click_to_open": func(g group) any { return ratio(g.figures["clickers"], g.figures["openers"]) },
		},
		order: func(a, b group) int {
			return cmp.Or(cmp.Compare(b.figures["opens"]+b.figures["proxy_opens"], a.figures["opens"]+a.figures["proxy_opens"]), cmp.Compare(b.visitors, a.visitors))
		},
	})
}
