package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
)

type reportCmd struct {
	Name     string   `arg:"" help:"Which report, such as campaigns."`
	Site     string   `required:"" help:"The site's id."`
	From     string   `help:"First day, such as 2026-11-01; default 30 days before --to." placeholder:"DAY"`
	To       string   `help:"Last day, included; default today." placeholder:"DAY"`
	Compare  string   `help:"Set totals against the previous period or the same days a year earlier: previous or year." placeholder:"PERIOD"`
	Filter   []string `help:"Keep rows by column:value." placeholder:"COLUMN:VALUE" sep:"none"`
	Lookback string   `help:"attribution: days before a conversion in which a touch counts, 1 to 90." placeholder:"DAYS"`
	Detail   string   `help:"campaigns: split by content or term." placeholder:"COLUMN"`
	Step     []string `help:"funnel: a step, in order; repeat it." placeholder:"STEP" sep:"none"`
	Window   string   `help:"funnel: within how long the steps count." placeholder:"DAYS"`
	By       string   `help:"timeseries: the length of an interval." placeholder:"INTERVAL"`
	Estimate string   `help:"coverage: yes adds an estimate of what is not measured." placeholder:"yes"`
	Totals   bool     `help:"csv: a last line with the totals."`
	Format   string   `default:"table" enum:"table,csv,json" help:"table, csv or json."`
}

// Run prints one report. The question is checked before ClickHouse is needed.
func (c *reportCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if !slices.Contains(report.Names(), c.Name) {
		return usagef("there is no report %q: write %s", c.Name, alternatives(report.Names()))
	}
	site, err := cfg.siteNamed(c.Site)
	if err != nil {
		return err
	}
	query, err := report.ParseQuery(site, c.From, c.To, c.Compare, c.Filter, a.now())
	if err != nil {
		return asUsage(err)
	}
	if err := c.setOptions(&query); err != nil {
		return err
	}
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		table, err := report.Run(ctx, s, c.Name, query)
		if err != nil {
			return asUsage(err)
		}
		switch c.Format {
		case "csv":
			if c.Totals {
				table = table.TotalsAsRow()
			}
			return report.WriteCSV(a.stdout, table)
		case "json":
			return report.WriteJSON(a.stdout, table)
		}
		return report.WriteText(a.stdout, table)
	})
}

// setOptions hands a report its own options, and refuses those of others.
func (c *reportCmd) setOptions(query *report.Query) error {
	takes := report.OptionNames(c.Name)
	for option, values := range map[string][]string{
		"lookback": {c.Lookback}, "detail": {c.Detail}, "step": c.Step, "window": {c.Window}, "by": {c.By}, "estimate": {c.Estimate},
	} {
		if strings.Join(values, "") == "" {
			continue
		}
		if !slices.Contains(takes, option) {
			return usagef("--%s: report %s does not take it", option, c.Name)
		}
		if err := query.Set(option, values); err != nil {
			return asUsage(err)
		}
	}
	return nil
}

// asUsage marks a question that was asked wrongly.
func asUsage(err error) error {
	var asked *report.Error
	if errors.As(err, &asked) {
		return usagef("--%s: %v", asked.Parameter, asked)
	}
	return err
}
