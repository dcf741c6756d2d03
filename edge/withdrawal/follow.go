package withdrawal

import (
	"context"
	"fmt"
	"time"
)

// Feed is what all nodes said, in the order in which the store took it.
type Feed interface {
	// Since returns what the store took after a cursor; the empty one is the
	// beginning. Statements may come again, and in any order of their own times; none
	// may ever be left out: a row that became visible late still has to come.
	Since(ctx context.Context, cursor string) (Page, error)
}

// Page is one answer of a Feed.
type Page struct {
	Entries []Entry
	Cursor  string // where the next page starts
	More    bool   // there is more already
}

// forgetEvery is how often Follow forgets old records.
const forgetEvery = time.Hour

// Follow reads the feed to its end now and at every tick (5 s: the time within which
// nodes hear of one another), until ctx ends. An error of feed or disk is logged
// and tried again; Ready tells of it after a minute. Call it once, after Load.
func (s *Set) Follow(ctx context.Context, feed Feed, tick time.Duration) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var forgot time.Time
	failing := false
	for {
		err := s.hear(ctx, feed)
		if failed := err != nil && ctx.Err() == nil; failed != failing {
			failing = failed
			s.opts.Logger.Warn("withdrawals: hearing of other nodes", "failing", failing, "err", err)
		}
		if now := s.opts.Now(); now.Sub(forgot).Abs() >= forgetEvery {
			forgot = now
			if n, err := s.Forget(now); err != nil {
				s.opts.Logger.Error("withdrawals: old records were not forgotten", "err", err)
			} else if n > 0 {
				s.opts.Logger.Info("withdrawals: forgot records whose cookies have expired", "records", n)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// hear reads the feed to its end.
func (s *Set) hear(ctx context.Context, feed Feed) error {
	for {
		asked := s.opts.Now()
		page, err := feed.Since(ctx, s.cursor)
		if err != nil {
			return fmt.Errorf("reading the feed: %w", err)
		}
		if err := s.take(page); err != nil {
			return err
		}
		if page.More {
			continue
		}
		if err := s.whole(); err != nil {
			return err
		}
		s.heard.Store(&asked)
		return nil
	}
}

// take keeps what is new in a page, and where it ends.
func (s *Set) take(page Page) error {
	var marks []Mark
	fresh := page.Entries[:0:0]
	wrong := 0
	for _, e := range page.Entries {
		when, err := e.seconds()
		if err != nil {
			wrong++
			continue
		}
		n, err := s.site(e.Site)
		if err != nil {
			return err
		}
		if !s.isNew(&e, n, when) {
			continue
		}
		if m, ok := e.mark(when); ok {
			marks, fresh = append(marks, m), append(fresh, e)
		}
	}
	if wrong > 0 {
		s.opts.Logger.Error("withdrawals: statements from the feed that say nothing, or the impossible", "count", wrong)
	}
	// The cursor comes last: a crash in between repeats the page.
	if page.Cursor != s.cursor {
		marks = append(marks, Mark{Space: SpaceFeed, Value: []byte(page.Cursor)})
	}
	if err := s.put(marks); err != nil {
		return err
	}
	s.Apply(fresh...)
	s.cursor = page.Cursor
	return nil
}

// isNew says whether an entry would change anything. A record whose cookies have all
// expired is not new: it was forgotten.
func (s *Set) isNew(e *Entry, site uint16, when uint32) bool {
	if e.isRecord() {
		return !s.records.has(e.Record) && int64(when) >= s.forgetBefore(s.opts.Now())
	}
	has := s.recipients.get(site, e.Recipient)
	return has.changes(e.choices(), when)
}

// whole tells the keeper that what was missing has been fetched.
func (s *Set) whole() error {
	if !s.missing {
		return nil
	}
	for _, space := range []byte{SpaceRecords, SpaceRecipients, SpaceFeed} {
		if err := s.opts.Marks.MarksWhole(space); err != nil {
			return fmt.Errorf("withdrawal: %w", err)
		}
	}
	s.missing = false
	s.opts.Logger.Info("withdrawals: what damage took was fetched again")
	return nil
}
