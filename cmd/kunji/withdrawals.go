package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// followEvery is how often what other nodes withdrew is asked for.
const followEvery = time.Second

// keeper is the spool as the edge and the withdrawals see it: neither knows
// the other's types.
type keeper struct{ *spool.Spool }

func spoolMarks(marks []withdrawal.Mark) []spool.Mark {
	out := make([]spool.Mark, len(marks))
	for i, m := range marks {
		out[i] = spool.Mark(m)
	}
	return out
}

// PutMarks keeps marks alone.
func (k keeper) PutMarks(marks ...withdrawal.Mark) error {
	return k.Spool.PutMarks(spoolMarks(marks)...)
}

// AppendMarked keeps marks and records in one sync.
func (k keeper) AppendMarked(marks []withdrawal.Mark, payloads ...[]byte) error {
	return k.Spool.AppendMarked(spoolMarks(marks), payloads...)
}

// Marks visits the marks of a space; missing says that damage took some.
func (k keeper) Marks(space byte, visit func(key, value []byte) error) (missing bool, err error) {
	err = k.Spool.Marks(space, visit)
	if errors.Is(err, spool.ErrMarksMissing) {
		return true, nil
	}
	return false, err
}

// openWithdrawals reads what was taken back on this node.
func (s *service) openWithdrawals() (err error) {
	s.withdrawn, err = withdrawal.New(withdrawal.Options{
		Marks: keeper{s.spool}, Lifetime: longestLifetime(s.cfg.Sites), Now: time.Now, Logger: s.log,
	})
	if err != nil {
		return err
	}
	return s.withdrawn.Load()
}

// longestLifetime is after how long no record counts any more.
func longestLifetime(sites []*site.Site) time.Duration {
	longest := 24 * time.Hour
	for _, st := range sites {
		longest = max(longest, st.ConsentLifetime)
	}
	return longest
}

// feed is what was taken back on other nodes, and what recipients said there or
// through the console, as ClickHouse has it.
type feed struct{ store *store.Store }

// between parts the two cursors of a feed: of records, then of mail. One written
// before mail was followed has no second part.
const between = "\n"

// Since returns what the store took after a cursor.
func (f feed) Since(ctx context.Context, cursor string) (withdrawal.Page, error) {
	records, mail, _ := strings.Cut(cursor, between)
	withdrawn, records, more, err := f.store.Withdrawn(ctx, records)
	if err != nil {
		return withdrawal.Page{}, err
	}
	said, mail, moreMail, err := f.store.Statements(ctx, mail)
	if err != nil {
		return withdrawal.Page{}, err
	}
	page := withdrawal.Page{Cursor: records + between + mail, More: more || moreMail}
	for _, w := range withdrawn {
		page.Entries = append(page.Entries, withdrawal.Entry{Site: w.Site, Time: w.Time, Record: w.Record})
	}
	for i := range said {
		st := &said[i]
		page.Entries = append(page.Entries, withdrawal.Entry{
			Site: st.Site, Time: st.Time, Recipient: st.Recipient, Open: withdrawal.Choice(st.Open), Click: withdrawal.Choice(st.Click),
			Mail: withdrawal.Choice(st.All), Proven: true, // the store took no yes without its proof
		})
	}
	return page, nil
}
