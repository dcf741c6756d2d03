package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// gather reads what people asked for from what is about to be replaced.
func (r *restore) gather(ctx context.Context) error {
	there := 0
	if found, err := r.gatherStore(ctx); err != nil {
		return fmt.Errorf("read what people asked for since the backup, from the database before (--lost goes on without): %w", err)
	} else if found {
		there++
	}
	if found, err := r.gatherSpool(); err != nil {
		return fmt.Errorf("read what people asked for since the backup, from the spool before (--lost goes on without): %w", err)
	} else if found {
		there++
	}
	if there == 0 && !r.cmd.Lost {
		return usagef("nothing is left of what came before: erasures and unsubscribes since %s are lost, and people would have to ask again; say --lost if that is so",
			r.m.Time.Format(time.RFC3339))
	}
	return nil
}

func (r *restore) gatherStore(ctx context.Context) (found bool, err error) {
	var s *store.Store
	end := func() error { return nil }
	if r.m.Embedded {
		if _, err := os.Stat(r.cfg.engineDir()); errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		s, end, err = openStore(ctx, r.cfg, r.log)
	} else if r.cmd.Newer != "" {
		if s, err = store.Open(store.Options{DSN: withDatabase(r.cfg.ClickHouse.DSN, r.cmd.Newer), Logger: r.log}); err == nil {
			end = s.Close
		}
	} else {
		return false, nil
	}
	if err == nil {
		if _, err = s.Migrate(ctx); err == nil {
			r.asked, err = s.Requests(ctx)
			r.stored = len(r.asked.Withdrawals)
		}
		err = errors.Join(err, end())
	}
	if err != nil && r.cmd.Lost {
		r.log.Warn("kunji: the database before cannot be read", "error", err)
		return false, nil
	}
	return err == nil, err
}

// withDatabase is a DSN with another database.
func withDatabase(dsn, database string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // the store says what is wrong with it
	}
	u.Path = "/" + database
	return u.String()
}

// gatherSpool reads withdrawals, and what was kept after the backup and not
// shipped.
func (r *restore) gatherSpool() (found bool, err error) {
	o := r.cfg.spoolOptions(r.ring, r.log)
	if _, err := os.Stat(o.Dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	s, err := spool.Open(o)
	if err != nil {
		if r.cmd.Lost {
			r.log.Warn("kunji: the spool before cannot be read", "error", err)
			return false, nil
		}
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, space := range []byte{withdrawal.SpaceRecords, withdrawal.SpaceRecipients} {
		err := s.Marks(space, func(key, value []byte) error {
			r.marks = append(r.marks, spool.Mark{Space: space, Key: slices.Clone(key), Value: slices.Clone(value)})
			return nil
		})
		if err != nil && !errors.Is(err, spool.ErrMarksMissing) { // what is there counts
			return false, err
		}
	}
	had := spool.Seq(0) // up to here the backup's own spool has it
	if id := s.ID(); hex.EncodeToString(id[:]) == r.m.Node {
		had = spool.Seq(r.m.Stored)
	}
	if err := r.gatherAside(s, had); err != nil {
		return false, err
	}
	first := max(s.Cursor(), had) + 1
	for through := s.Stats().Stored; first <= through; first += restoreAtOnce {
		records, err := s.Read(context.Background(), first, min(through, first+restoreAtOnce-1))
		if err != nil {
			return false, err
		}
		r.take(records, had)
	}
	return true, nil
}

// gatherAside reads what was set aside: a request in it was answered like any
// other.
func (r *restore) gatherAside(s *spool.Spool, had spool.Seq) error {
	return eachAside(s, func(records []spool.Record) error { r.take(records, had); return nil })
}

// take has the requests among records count, and queues those that came after the
// one the backup had last.
func (r *restore) take(records []spool.Record, had spool.Seq) {
	for _, rec := range records {
		if rec.Seq > had {
			r.queue = append(r.queue, slices.Clone(rec.Payload))
		}
		if decoded, err := event.Decode(rec.Payload); err == nil {
			r.asked.Add(decoded)
		}
	}
}
