package spool

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	diskEvery    = time.Second
	reclaimEvery = time.Minute
	expireEvery  = time.Hour
)

// tidy watches the disk's free space, gives back what was acknowledged and lets
// set-aside records age out, until ctx ends.
func (s *Spool) tidy(ctx context.Context) {
	defer close(s.tidied)
	disk, reclaim, expire := time.NewTicker(diskEvery), time.NewTicker(reclaimEvery), time.NewTicker(expireEvery)
	defer disk.Stop()
	defer reclaim.Stop()
	defer expire.Stop()
	s.expire()
	for {
		select {
		case <-ctx.Done():
			return
		case <-disk.C:
			s.checkDisk()
		case <-reclaim.C:
			if err := s.reclaim(ctx); err != nil && ctx.Err() == nil {
				s.health.note(err, s.opts.Now())
				s.opts.Logger.Error("spool: acknowledged records still take the disk", "dir", s.opts.Dir, "err", err)
			}
		case <-expire.C:
			s.expire()
		}
	}
}

func (s *Spool) expire() {
	n, err := s.ExpireAside(s.opts.Now().Add(-s.opts.KeepAside))
	switch {
	case err == nil && n > 0:
		s.opts.Logger.Info("spool: set-aside records aged out", "dir", s.opts.Dir, "records", n)
	case err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrFailed):
		s.health.note(err, s.opts.Now())
		s.opts.Logger.Error("spool: set-aside records did not age out", "dir", s.opts.Dir, "err", err)
	}
}

// checkDisk notes whether less is free than has to stay free.
func (s *Spool) checkDisk() {
	if s.opts.MinFree < 0 {
		return
	}
	usage, err := s.opts.FS.GetDiskUsage(s.opts.Dir)
	if err != nil {
		if !errors.Is(err, vfs.ErrUnsupported) {
			s.health.note(err, s.opts.Now())
		}
		return
	}
	before := s.lowDisk()
	s.free.Store(usage.AvailBytes)
	if low := s.lowDisk(); low != before {
		s.opts.Logger.Warn("spool: free space on the disk", "dir", s.opts.Dir,
			"free", usage.AvailBytes, "must stay free", s.opts.MinFree, "accepting", !low)
	}
}

// reclaim gives the disk back what was acknowledged since the last time. Without it
// tombstones wait for further writes to be merged with what they delete.
func (s *Spool) reclaim(ctx context.Context) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.mu.Lock()
	head := s.head
	s.mu.Unlock()
	if head.bytes == s.reclaimed {
		return nil
	}
	if err := s.db.Compact(ctx, groupKey(0), groupKey(head.first), false); err != nil {
		return err
	}
	s.reclaimed = head.bytes
	return nil
}
