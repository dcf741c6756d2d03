package ship

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/spool"
)

// SpaceLedger is the spool's space of marks where the ends of this node's
// chains of the ledger are: the key is the site, the value the number of its
// last record (8 bytes, big-endian) and that record's hash (32).
const SpaceLedger = 'l'

// loadHeads reads where the chains end. What damage may have taken from the
// spool is made good from the store.
func (s *Shipper) loadHeads(ctx context.Context) error {
	s.heads = map[string]store.Head{}
	err := Heads(s.opts.Spool, s.heads)
	if errors.Is(err, spool.ErrMarksMissing) {
		if err := s.rereadHeads(ctx); err != nil {
			return err
		}
		err = s.opts.Spool.MarksWhole(SpaceLedger)
	}
	if err != nil {
		return fmt.Errorf("ship: read the ends of the ledger: %w", err)
	}
	return nil
}

// Heads adds the ends of the chains that a spool's node wrote to heads, by
// site.
func Heads(s interface {
	Marks(space byte, visit func(key, value []byte) error) error
}, heads map[string]store.Head,
) error {
	return s.Marks(SpaceLedger, func(key, value []byte) error {
		if len(value) != headSize {
			return fmt.Errorf("the end of the ledger of site %s has %d bytes, want %d", key, len(value), headSize)
		}
		heads[string(key)] = decodeHead(value)
		return nil
	})
}

// rereadHeads asks the store, until it answers, where the chains end, and keeps
// that. Where the spool knows a later end it stays.
func (s *Shipper) rereadHeads(ctx context.Context) error {
	for try := 0; ; try++ {
		stored, err := s.opts.Store.Heads(ctx, s.opts.Spool.ID())
		if err == nil {
			for site, h := range stored {
				if h.Seq < s.heads[site].Seq {
					delete(stored, site)
				}
			}
			maps.Copy(s.heads, stored)
			if err := s.opts.Spool.PutMarks(marks(s.heads)...); err != nil {
				return fmt.Errorf("ship: keep the ends of the ledger: %w", err)
			}
			return nil
		}
		if err := s.wait(ctx, err, try); err != nil {
			return err
		}
	}
}

func marks(heads map[string]store.Head) []spool.Mark {
	all := make([]spool.Mark, 0, len(heads))
	for site, h := range heads {
		all = append(all, spool.Mark{Space: SpaceLedger, Key: []byte(site), Value: encodeHead(h)})
	}
	return all
}

// wait waits before the next try; an error means that there is none.
func (s *Shipper) wait(ctx context.Context, err error, try int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	wait := s.backoff(try)
	s.failed(err, try, wait)
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
