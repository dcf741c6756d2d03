package main

import (
	"context"
	"errors"
	"slices"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
)

type reportCmd struct {
	Name    string   `arg:"" help:"Which report, such as campaigns."`
	Site    string   `required:"" help:"The site's id."`
	From    string   `help:"First day, such as 2026-11-01; default 30 days before --to." placeholder:"DAY"`
	To      string   `help:"Last day, included; default today." placeholder:"DAY"`
	Compare string   `help:"Set totals against the previous period or the same days a year earlier: previous or year." placeholder:"PERIOD"`
	Filter  []string `help:"Keep rows by column:value." placeholder:"COLUMN:VALUE" sep:"none"`
	Format  string   `default:"table" enum:"table,csv,json" help:"table, csv or json."`
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
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		table, err := report.Run(ctx, s, c.Name, query)
		if err != nil {
			return asUsage(err)
		}
		switch c.Format {
		case "csv":
			return report.WriteCSV(a.stdout, table)
		case "json":
			return report.WriteJSON(a.stdout, table)
		}
		return report.WriteText(a.stdout, table)
	})
}

// asUsage marks a question that was asked wrongly.
func asUsage(err error) error {
	var asked *report.Error
	if errors.As(err, &asked) {
		return usagef("--%s: %v", asked.Parameter, asked)
	}
	return err
}
