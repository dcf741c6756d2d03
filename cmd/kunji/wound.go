package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// A site that is wound down is stopped on every node, whatever kunji.yaml says: at
// once on the node that was told, within seconds on the others, and from its start
// on wherever that was heard (policy 7.7). Each node keeps it in
// data_dir/wound-down.json, since ClickHouse may be away when it starts.
const woundFile = "wound-down.json"

// hearWound is how often what was told to other nodes is asked for.
const hearWound = 10 * time.Second

// woundSite is one of them.
type woundSite struct {
	Site  string    `json:"site"`
	Begun time.Time `json:"begun"`
}

// woundSites are those that a node knows. changing is held while the
// configuration in use changes.
type woundSites struct {
	changing sync.Mutex
	list     []woundSite

	counting sync.Mutex
	dropped  map[string]droppedHere // by site, since the process began
	reported map[string]bool        // the store has this node's addendum; followWound's own
}

// droppedHere is how much of a site was taken from this node's disk.
type droppedHere struct{ aside, statements uint64 }

// readWound returns those of a data_dir; none where nothing was wound down.
func readWound(dataDir string) (list []woundSite, err error) {
	path := filepath.Join(dataDir, woundFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("read which sites were wound down, %s: %w", path, err)
	}
	return list, nil
}

// noteWound adds one to a data_dir's. The file is replaced whole.
func noteWound(dataDir string, list []woundSite, w woundSite) ([]woundSite, error) {
	list = append(slices.Clone(list), w)
	b, err := json.MarshalIndent(list, "", "  ")
	if err == nil {
		err = os.MkdirAll(dataDir, 0o700)
	}
	path := filepath.Join(dataDir, woundFile)
	if err == nil {
		err = writeSynced(path+".new", b)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return nil, fmt.Errorf("note that %s is wound down: %w", w.Site, err)
	}
	return list, nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// stopped returns the sites with those that were wound down stopped, and told of.
func stopped(sites []*site.Site, list []woundSite) ([]*site.Site, error) {
	sites = slices.Clone(sites)
	for i, st := range sites {
		at := slices.IndexFunc(list, func(w woundSite) bool { return w.Site == st.ID })
		if at < 0 {
			continue
		}
		one := *st
		one.Status = site.Stopped
		note, err := windDownNote(st, list[at].Begun)
		if err != nil {
			return nil, err
		}
		one.Incidents = append([]site.Incident{note}, st.Incidents...)
		sites[i] = &one
	}
	return sites, nil
}

// stopSite stops a site here, on disk before it returns, and takes what this node
// keeps of it beside ClickHouse. Again it does no harm.
func (s *service) stopSite(ctx context.Context, w woundSite) error {
	s.wound.changing.Lock()
	defer s.wound.changing.Unlock()
	known := func(had woundSite) bool { return had.Site == w.Site }
	if slices.ContainsFunc(s.wound.list, known) {
		return nil
	}
	list := append(slices.Clone(s.wound.list), w)
	if s.lock != nil {
		var err error
		if list, err = noteWound(s.cfg.DataDir, s.wound.list, w); err != nil {
			return err
		}
	}
	now := *s.live.Load()
	var err error
	if now.Sites, err = stopped(now.Sites, []woundSite{w}); err != nil {
		return err
	}
	if s.edge != nil {
		if err := s.edge.SetSites(now.Sites); err != nil {
			return err
		}
	}
	s.live.Store(&now)
	s.wound.list = list
	s.log.Info("kunji: a site is wound down: nothing is collected any more", "site", w.Site)
	return s.dropSite(ctx, w.Site)
}

// dropSite takes a site's records from what was set aside on this node, and what
// its recipients said from the marks.
func (s *service) dropSite(ctx context.Context, id string) error {
	if s.spool == nil {
		return nil
	}
	n, err := s.spool.RewriteAside(ctx, func(payload []byte) ([]byte, error) {
		return rewritten(payload, func(r event.Record) (event.Record, bool) { return withoutSite(r, id) })
	})
	if err != nil {
		return fmt.Errorf("what is set aside of %s: %w", id, err)
	}
	m, err := s.withdrawn.ForgetSite(id)
	s.wound.counting.Lock()
	defer s.wound.counting.Unlock()
	if s.wound.dropped == nil {
		s.wound.dropped = map[string]droppedHere{}
	}
	had := s.wound.dropped[id]
	s.wound.dropped[id] = droppedHere{had.aside + uint64(n), had.statements + uint64(m)}
	if n+m > 0 {
		s.log.Info("kunji: taken from this node's disk", "site", id, "set aside", n, "statements", m)
	}
	return err
}

// withoutSite is what is left of a record in the spool: nothing of a site's hits
// and statements; its decisions stay as proof, without their subject.
func withoutSite(r event.Record, id string) (event.Record, bool) {
	switch {
	case r.Event != nil && r.Event.Site == id, r.Refusal != nil && r.Refusal.Site == id,
		r.Notice != nil && r.Notice.Site == id, r.Statement != nil && r.Statement.Site == id:
		return event.Record{}, false
	case r.Consent != nil && r.Consent.Site == id && r.Consent.Subject != 0:
		bare := *r.Consent
		bare.Subject, bare.Salt = 0, [16]byte{}
		r.Consent = &bare
	}
	return r, true
}

// followWound stops the sites that any node was told to wind down, until ctx ends.
func (s *service) followWound(ctx context.Context) {
	s.wound.changing.Lock()
	list := s.wound.list
	s.wound.changing.Unlock()
	for _, w := range list { // a crash may have come in between
		if err := s.dropSite(ctx, w.Site); err != nil {
			s.log.Error("kunji: a site that is wound down", "site", w.Site, "error", err)
		}
	}
	for tick := time.NewTicker(hearWound); ; {
		all, err := s.store.WindDowns(ctx)
		if err != nil { // nothing is stored meanwhile either
			s.log.Debug("kunji: sites that are wound down are heard of later", "error", err)
		}
		for _, w := range all {
			err := s.stopSite(ctx, woundSite{w.Site, w.Begun})
			if err == nil {
				err = s.reportCleaned(ctx, w)
			}
			if err != nil {
				s.log.Error("kunji: a site that is wound down", "site", w.Site, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// reportCleaned signs what this node took from its disk for a wind-down, once
// nothing waits here from before it. A crash on the way may leave some of it
// uncounted, never in place.
func (s *service) reportCleaned(ctx context.Context, w store.WindDown) error {
	if s.spool == nil || s.wound.reported[w.Site] || !s.drained(w.Begun) {
		return nil
	}
	said, _, err := s.store.NodesCleaned(ctx, w)
	if err != nil {
		return err
	}
	mine := func(n store.NodeCleaned) bool { return n.Node == s.spool.ID() }
	if !slices.ContainsFunc(said, mine) {
		if err := s.dropSite(ctx, w.Site); err != nil { // what was set aside since
			return err
		}
		s.wound.counting.Lock()
		count := s.wound.dropped[w.Site]
		s.wound.counting.Unlock()
		n := store.NodeCleaned{
			Site: w.Site, Node: s.spool.ID(), Begun: w.Begun, Cleaned: time.Now().UTC().Truncate(time.Millisecond),
			Aside: count.aside, Statements: count.statements,
		}
		n.Signature = signer{s.ring}.Sign(w.Site, n.Message())
		if err := s.store.PutNodeCleaned(ctx, n); err != nil {
			return err
		}
	}
	if s.wound.reported == nil {
		s.wound.reported = map[string]bool{}
	}
	s.wound.reported[w.Site] = true
	return nil
}

// drained reports whether nothing waits here that was kept before a moment.
func (s *service) drained(since time.Time) bool {
	if s.spool == nil {
		return true
	}
	st := s.spool.Stats()
	return st.Depth == 0 || time.Now().Add(-st.Oldest).After(since)
}

// windDowns is one round of the wind-downs that were begun.
func (s *service) windDowns(ctx context.Context) error {
	o := store.WindDownOptions{Signer: signer{s.ring}, Settle: s.eraseOptions().Settle, Drained: s.drained}
	done, err := s.store.WindDown(ctx, o)
	for _, w := range done {
		s.log.Info("kunji: a site is wound down, verified and signed", "site", w.Site, "rows", w.Rows, "consents", w.Consents)
	}
	return err
}

// noteLasts is how long pages tell of a wind-down: as long as a rights address
// works that was made on its day.
const noteLasts = 365 * day

// windDownNote is what visitors of a site are told on its pages.
func windDownNote(st *site.Site, begun time.Time) (site.Incident, error) {
	date := begun.UTC().Truncate(day)
	texts, err := banner.Ended(st, date)
	return site.Incident{ID: "wind-down", From: date, To: date, Until: date.Add(noteLasts), Texts: texts}, err
}
