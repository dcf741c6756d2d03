package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/kunjicloud/kunji/analytics/export"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/identity"
)

type siteCmd struct {
	Export   siteExportCmd   `cmd:"" help:"Copy what is kept of a site into a folder: Parquet, policies, the ledger of consents."`
	WindDown siteWindDownCmd `cmd:"" name:"wind-down" help:"Stop a site for good and delete what is kept of it; without --yes only say what that would do."`
}

type siteExportCmd struct {
	Site   string `arg:"" help:"The site's id."`
	To     string `required:"" aliases:"out" placeholder:"DIR" help:"A folder for it, which is not there yet."`
	Reason string `help:"Why, for the audit log."`
}

// Run exports a site (policy 4.1). The audit log tells of it before the folder has
// its name.
func (c *siteExportCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	st, err := cfg.siteNamed(c.Site)
	if err != nil {
		return err
	}
	why := ""
	if c.Reason != "" {
		if why, err = checkReason(c.Reason); err != nil {
			return usagef("--reason: %v", err)
		}
		why = ": " + why
	}
	dir, err := newFolder(c.To)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	ring, _, err := a.ring()
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		line := store.Action{Time: a.now().UTC(), Actor: actor(), Action: "site_exported", Site: st.ID, Detail: "everything" + why}
		if err := s.Audit(ctx, line); err != nil {
			return err
		}
		m, err := export.Write(ctx, export.Options{
			Store: s, Site: st, Dir: dir, Program: version(), Now: a.now,
			Unsubscribed: func(ctx context.Context, visit func(export.Unsubscribed) error) error {
				return eachUnsubscribed(ctx, s, ring, st.ID, visit)
			},
		})
		if err != nil {
			return err
		}
		return a.tellExport(dir, m)
	})
}

// tellExport lists what was written.
func (a *app) tellExport(dir string, m export.Manifest) error {
	size, files, names := int64(0), map[string]int{}, []string{}
	for _, f := range m.Files {
		size += f.Size
		if files[f.Table]++; f.Table != "" && files[f.Table] == 1 {
			names = append(names, f.Table)
		}
	}
	slices.Sort(names)
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, name := range names {
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, count(int(m.Rows(name)), "row"), counted(files[name], "file", "files"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s, %.1f MiB; it holds personal data\n", dir, counted(len(m.Files), "file", "files"), float64(size)/(1<<20))
	return err
}

// eachUnsubscribed visits who left a site, once each.
func eachUnsubscribed(ctx context.Context, s *store.Store, ring *identity.Ring, siteID string, visit func(export.Unsubscribed) error) error {
	type key struct {
		recipient uint64
		at        int64
	}
	seen := map[key]bool{}
	for since := time.Unix(0, 0); ; {
		page, err := s.Unsubscribes(ctx, siteID, since)
		if err != nil {
			return err
		}
		fresh := false
		for _, u := range page {
			k := key{u.Recipient, u.Time.UnixNano()}
			if seen[k] {
				continue
			}
			seen[k], fresh, since = true, true, u.Taken
			ref, list, err := ring.OpenRef(siteID, u.Sealed)
			if err != nil {
				return fmt.Errorf("read the names of who left %s: %w", siteID, err)
			}
			if err := visit(export.Unsubscribed{Ref: ref, List: list, Time: u.Time}); err != nil {
				return err
			}
		}
		if !fresh {
			return nil
		}
	}
}
