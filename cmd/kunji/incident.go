package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
)

// incidentTold is how long an incident's first draft is to be shown.
const incidentTold = 180 * 24 * time.Hour

// draftEnd keeps a draft from being loaded.
const draftEnd = ".draft"

type incidentCmd struct {
	Site   string `required:"" help:"The site's id."`
	From   string `help:"First day of what happened, such as 2026-11-01; where all that is kept lay open, the oldest day of it." placeholder:"DAY"`
	To     string `help:"Last day, included; default today." placeholder:"DAY"`
	Format string `default:"text" enum:"text,json,records,recipients,refs" help:"text, json (with the records' ids), or records: only those ids, one a line. Mail recipients are kept as keyed hashes and cannot be named: recipients reads the sender's own list of addresses, one a line, from standard input and prints those concerned; refs prints the sender's ref and list of those who left by a mail's link, of whom alone a ref is kept."`
	New    string `help:"Instead: write drafts of what visitors are told, in the site's languages, under this id." placeholder:"ID"`
}

// Run says what people and authorities must be told after an incident (policy
// 7.4, 7.5): whose data of which kinds was concerned, and where; or it begins
// the text that visitors read.
func (c *incidentCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	s, err := cfg.siteNamed(c.Site)
	if err != nil {
		return err
	}
	if c.From == "" {
		return usagef("write --from: the first day of what happened, such as 2026-11-01")
	}
	query, err := report.ParseQuery(s, c.From, c.To, "", nil, a.now())
	if err != nil {
		return asUsage(err)
	}
	if c.New != "" {
		return c.draft(a, cfg, &query)
	}
	return a.withStore(ctx, func(_ *Config, st *store.Store) error {
		switch c.Format {
		case "records":
			return eachRecord(ctx, st, &query, func(id string) error {
				_, err := fmt.Fprintln(a.stdout, id)
				return err
			})
		case "recipients", "refs":
			return c.name(ctx, a, st, &query)
		}
		found, err := concerned(ctx, st, &query)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return found.writeJSON(ctx, a.stdout, st, &query)
		}
		return found.writeText(a.stdout)
	})
}

// name writes which recipients concerned the sender knows: by address, where it is
// in their own list, or by ref.
func (c *incidentCmd) name(ctx context.Context, a *app, src report.Source, q *report.Query) error {
	ring, _, err := a.ring()
	if err != nil {
		return err
	}
	if c.Format == "refs" {
		return writeRefs(ctx, a.stdout, src, q, ring)
	}
	concerned := map[uint64]bool{}
	if err := eachRecipient(ctx, src, q, func(recipient uint64, _ []string) error { concerned[recipient] = true; return nil }); err != nil {
		return err
	}
	return writeAmong(a.stdin, a.stdout, func(address mail.Address) bool { return concerned[address.Recipient(ring, q.Site.ID)] })
}

// draft writes one file per language beside the site's policies. Nothing is
// shown before somebody has filled it in and taken the ending away.
func (c *incidentCmd) draft(a *app, cfg *Config, q *report.Query) error {
	if !site.IncidentID(c.New) {
		return usagef("--new %q: write small letters, digits and dashes, such as 2026-11-leak", c.New)
	}
	dir := cfg.policyDirs[q.Site.ID]
	if dir == "" {
		return usagef("site %s has no policy_dir in %s: add one; what visitors are told lies below it", q.Site.ID, cfg.Path)
	}
	dir = filepath.Join(dir, incidentsFolder)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // texts for everybody
		return fmt.Errorf("make the incidents' folder: %w", err)
	}
	for _, lang := range q.Site.Banner.Languages {
		text, err := incidentDraft(q, lang, a.now())
		if err != nil {
			return err
		}
		path := filepath.Join(dir, c.New+"."+lang+".md"+draftEnd)
		if err := writeNew(path, text); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, path)
	}
	fmt.Fprintf(a.stdout, "Fill them in and take %s off their names; kunji check tells what is still missing.\n", draftEnd)
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a text for everybody, named by the operator
	if errors.Is(err, os.ErrExist) {
		return usagef("%s is there already: edit it, or choose another id", path)
	}
	if err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// incidentDraft is a file with everything but what happened.
func incidentDraft(q *report.Query, lang string, now time.Time) (string, error) {
	headings, err := banner.IncidentHeadings(lang)
	if err != nil {
		return "", err
	}
	text := "---\ntitle:   # in one line, for the banner\n" +
		"from: " + q.From.String() + "\nto: " + q.To.String() + "\n" +
		"until: " + now.Add(incidentTold).In(q.Site.Zone).Format(time.DateOnly) + "   # last day that visitors are told\n---\n"
	for _, h := range headings {
		text += "\n## " + h + "\n"
	}
	return text, nil
}
