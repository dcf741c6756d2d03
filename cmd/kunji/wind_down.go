package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/kunjicloud/kunji/analytics/export"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

type siteWindDownCmd struct {
	Site     string `arg:"" help:"The site's id."`
	Yes      bool   `help:"Do it. Without it nothing changes, and what would is shown; once begun, how far it is."`
	Exported string `xor:"kept" type:"existingdir" placeholder:"DIR" help:"The folder that site export wrote; it is checked first."`
	Discard  bool   `xor:"kept" help:"In place of it: nobody wants the data, nor the names of who left."`
	Reason   string `help:"Why, for the audit log."`
}

// windDownOrder is a wind-down, as it travels over the control socket.
type windDownOrder struct {
	Site   string `json:"site"`
	Reason string `json:"reason"`
	Actor  string `json:"actor"`
}

// Run winds a site down (policy 7.7), or shows what that would do, or how far it is.
func (c *siteWindDownCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.open()
	if err != nil {
		return err
	}
	st, err := cfg.siteNamed(c.Site)
	if err != nil {
		return err
	}
	ring, _, err := a.ring()
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		if _, err := s.Migrate(ctx); err != nil {
			return err
		}
		if begun, err := a.tellWindDown(ctx, s, ring, st.ID); err != nil || begun {
			return err
		}
		if !c.Yes {
			return a.tryWindDown(ctx, s, st)
		}
		order, err := c.order(ctx, s, st)
		if err != nil {
			return err
		}
		var taken struct{}
		err = askService(ctx, cfg.DataDir, "POST", "/site/wind-down", order, &taken)
		if errors.Is(err, errNoService) {
			err = a.windDownThere(ctx, cfg, s, order)
		}
		if err != nil {
			return err
		}
		_, err = a.tellWindDown(ctx, s, ring, st.ID)
		return err
	})
}

// order checks that nothing is lost that somebody wants.
func (c *siteWindDownCmd) order(ctx context.Context, s *store.Store, st *site.Site) (o windDownOrder, err error) {
	o = windDownOrder{Site: st.ID, Actor: actor()}
	if o.Reason, err = checkReason(c.Reason); err != nil {
		return o, usagef("--reason: %v", err)
	}
	if c.Discard {
		return o, nil
	}
	if c.Exported == "" {
		return o, usagef("say --exported DIR, the folder of kunji site export %s, or --discard: what is deleted does not come back", st.ID)
	}
	m, err := export.Check(c.Exported)
	if err != nil {
		return o, err
	}
	if m.Site != st.ID {
		return o, usagef("--exported: %s is of the site %s", c.Exported, m.Site)
	}
	if err := holdsAll(ctx, s, c.Exported, m); err != nil {
		return o, err
	}
	if st.UnsubscribeHook == "" {
		return o, nil
	}
	left, err := s.MailUntold(ctx, st.ID, store.UntoldPage{Most: 1000})
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("the webhook of %s has not taken %s yet: a running service goes on telling it, and its log says what it answers. Let it answer 2xx, "+
			"also for those whom it does not know, and try again; or see to all in unsubscribed.csv of the export, and say --discard in place of --exported",
			st.ID, count(len(left), "unsubscription"))
	}
	return o, err
}

// exportGrace is how much newer than an export's beginning a row may be: events of
// a website's server may be five minutes ahead, clocks of nodes and ClickHouse
// differ, and hits go on until the wind-down begins.
const exportGrace = 10 * time.Minute

// holdsAll refuses an export that began before there were rows which would be
// deleted now. One that came late with an earlier time passes: ClickHouse does not
// tell when.
func holdsAll(ctx context.Context, s *store.Store, dir string, m export.Manifest) error {
	table, at, err := s.NewestRow(ctx, m.Site)
	if err != nil || !at.After(m.Time.Add(exportGrace)) {
		return err
	}
	return usagef("--exported: %s was begun at %s, and %s of %s go on to %s: export again into another folder, and wind down with that one within %d minutes of its beginning. "+
		"Where this takes longer, stop the site first (status: stopped)",
		dir, m.Time.UTC().Format(time.RFC3339), table, m.Site, at.Format(time.RFC3339), exportGrace/time.Minute)
}

// tryWindDown shows what would happen.
func (a *app) tryWindDown(ctx context.Context, s *store.Store, st *site.Site) error {
	counts, err := s.SiteRows(ctx, st.ID)
	if err != nil {
		return err
	}
	until, err := s.ProofUntil(ctx, st.ID)
	if err != nil {
		return err
	}
	untold, err := s.MailUntold(ctx, st.ID, store.UntoldPage{Most: 1000})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if name != "consents" {
			fmt.Fprintf(w, "%s\t%d\tdeleted\n", name, counts[name])
		}
	}
	fmt.Fprintf(w, "consents\t%d\tstay as proof until %s, without their subject\n", counts["consents"], proofDay(until))
	fmt.Fprintf(w, "checkpoints, wordings, receipts, audit log\t\tstay; they name nobody\n")
	if st.UnsubscribeHook != "" {
		fmt.Fprintf(w, "unsubscriptions that the webhook has not taken\t%d\tat least\n", len(untold))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "Nothing has changed. Export first (kunji site export %s --to DIR), then: kunji site wind-down %s --exported DIR --reason \"…\" --yes\n", st.ID, st.ID)
	return err
}

func proofDay(until time.Time) string {
	if until.IsZero() {
		return "no day (there are none)"
	}
	return until.Format(time.DateOnly)
}

// tellWindDown says how far a site's is; begun is false where there is none.
func (a *app) tellWindDown(ctx context.Context, s *store.Store, ring *identity.Ring, id string) (begun bool, err error) {
	all, err := s.WindDowns(ctx)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(w store.WindDown) bool { return w.Site == id })
	if i < 0 {
		return false, nil
	}
	w := all[i]
	until, err := s.ProofUntil(ctx, id)
	if err != nil {
		return true, err
	}
	fmt.Fprintf(a.stdout, "site      %s\nbegun     %s by %s: %s\nstate     %s\nrows      %d deleted\nconsents  %d without their subject\n",
		id, w.Begun.Format(time.RFC3339), w.By, w.Reason, w.State, w.Rows, w.Consents)
	allSigned, err := a.tellNodes(ctx, s, ring, w)
	if err != nil {
		return true, err
	}
	if w.Finished.IsZero() {
		_, err = fmt.Fprintln(a.stdout, "Nothing is collected or stored any more. The node that has jobs deletes, counts what is left, waits until the bytes are gone and signs; run this again to see how far it is.")
		return true, err
	}
	verdict, signed := verdictOn(ring, id, w.Message(), w.Signature)
	_, err = fmt.Fprintf(a.stdout, "finished  %s\nreceipt   %s, %s\nStill to come: the proof of consents goes by itself after %s, damaged records that were set aside after retention.quarantine; "+
		"a node that is not listed as cleaned cleans its disk when it hears of this. Backups and exports from before hold what is deleted here: delete them; a restore winds down again. "+
		"Leave the site in kunji.yaml for as long as links and cookies of it are about; it stays stopped.\n",
		w.Finished.Format(time.RFC3339), base64.StdEncoding.EncodeToString(w.Signature), verdict, proofDay(until))
	if err == nil && !(signed && allSigned) {
		err = exitCode(exitFailed)
	}
	return true, err
}

// tellNodes says what each node cleaned beside ClickHouse, and which have not said
// that they did.
func (a *app) tellNodes(ctx context.Context, s *store.Store, ring *identity.Ring, w store.WindDown) (signed bool, err error) {
	cleaned, silent, err := s.NodesCleaned(ctx, w)
	if err != nil {
		return false, err
	}
	signed = true
	for _, n := range cleaned {
		verdict, ok := verdictOn(ring, w.Site, n.Message(), n.Signature)
		signed = signed && ok
		fmt.Fprintf(a.stdout, "node      %x cleaned %s: %d set aside, %d statements of recipients; %s, %s\n",
			n.Node, n.Cleaned.Format(time.RFC3339), n.Aside, n.Statements, base64.StdEncoding.EncodeToString(n.Signature), verdict)
	}
	for _, node := range silent {
		fmt.Fprintf(a.stdout, "node      %x has not said that its disk is clean\n", node)
	}
	return signed, nil
}

// verdictOn says whether a message has a signature of this key ring.
func verdictOn(ring *identity.Ring, site string, message, signature []byte) (text string, signed bool) {
	if bytes.Equal(signer{ring}.Sign(site, message), signature) {
		return "signed by this key ring", true
	}
	return "NOT signed by this key ring", false
}

// windDownThere begins it where no service runs: the node that has jobs does the
// rest, and every node stops the site when it hears of it.
func (a *app) windDownThere(ctx context.Context, cfg *Config, s *store.Store, o windDownOrder) error {
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	now := a.now()
	list, err := readWound(cfg.DataDir)
	if err == nil && !slices.ContainsFunc(list, func(w woundSite) bool { return w.Site == o.Site }) {
		_, err = noteWound(cfg.DataDir, list, woundSite{o.Site, now.UTC()})
	}
	if err == nil {
		err = o.begin(ctx, s, now)
	}
	return errors.Join(err, lock.release())
}

// begin writes it into ClickHouse, and why into the audit log.
func (o windDownOrder) begin(ctx context.Context, s *store.Store, now time.Time) error {
	line := store.Action{Time: now.UTC(), Actor: o.Actor, Action: "site_wound_down", Site: o.Site, Detail: o.Reason}
	if err := s.Audit(ctx, line); err != nil {
		return err
	}
	return s.BeginWindDown(ctx, store.WindDown{Site: o.Site, Begun: now, By: o.Actor, Reason: o.Reason})
}

// windDown is a wind-down at a running service: collection has stopped, on disk,
// before anything else.
func (s *service) windDown(ctx context.Context, o windDownOrder) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, operatorWait)
	defer cancel()
	now := time.Now()
	if err := s.stopSite(ctx, woundSite{o.Site, now.UTC()}); err != nil {
		return nil, err
	}
	if err := o.begin(ctx, s.store, now); err != nil {
		return nil, fmt.Errorf("%s collects nothing any more on this node; run this again, so that what was collected is deleted: %w", o.Site, err)
	}
	return struct{}{}, nil
}
