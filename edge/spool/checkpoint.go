package spool

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Checkpoint writes a database to dir, which must not be there, that opens as the
// spool is now: with all that was stored, set aside and marked when it returns. It
// shares unchanging files with the spool by hard links where dir lies on the same
// disk. Records may be appended meanwhile; whether they are in it is not said.
func (s *Spool) Checkpoint(dir string) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.reader.Lock()
	defer s.reader.Unlock()
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("spool: checkpoint in %s: %w", dir, err)
	}
	return nil
}
