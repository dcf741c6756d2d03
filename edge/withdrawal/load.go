package withdrawal

import (
	"fmt"
	"slices"
	"time"
)

// Load reads what is on disk. Call it before the first hit and before Follow. Where
// marks are missing it is no error: Follow starts at the feed's beginning, and the
// set is not Ready until that is done.
func (s *Set) Load() error {
	if err := s.loadRecords(); err != nil {
		return fmt.Errorf("withdrawal: loading records: %w", err)
	}
	if err := s.loadRecipients(); err != nil {
		return fmt.Errorf("withdrawal: loading recipients: %w", err)
	}
	missing, err := s.opts.Marks.Marks(SpaceFeed, func(_, value []byte) error {
		s.cursor = string(value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("withdrawal: loading the feed's cursor: %w", err)
	}
	if s.missing = s.missing || missing; s.missing {
		s.cursor = ""
		s.opts.Logger.Error("withdrawals: damage took some from this disk, fetching all again")
	}
	s.loaded.Store(true)
	return nil
}

func (s *Set) loadRecords() error {
	missing, err := s.opts.Marks.Marks(SpaceRecords, func(key, value []byte) error {
		id, when, err := readRecord(key, value)
		if err == nil {
			s.records.add(id, when)
		}
		return err
	})
	s.missing = s.missing || missing
	return err
}

// loadRecipients reads all statements and deletes those that newer ones replaced.
func (s *Set) loadRecipients() error {
	var replaced [][]byte
	var group [][]byte // keys of one recipient's statements, oldest first
	settle := func() error {
		if len(group) < 2 {
			return nil
		}
		old, err := s.replaced(group)
		replaced = append(replaced, old...)
		return err
	}
	missing, err := s.opts.Marks.Marks(SpaceRecipients, func(key, _ []byte) error {
		said, err := readStatement(key)
		if err != nil {
			return err
		}
		n, err := s.site(string(said.site))
		if err != nil {
			return err
		}
		s.recipients.merge(n, said.recipient, said.said, said.when)
		if len(group) > 0 && !sameRecipient(group[0], key) {
			if err := settle(); err != nil {
				return err
			}
			group = group[:0]
		}
		group = append(group, append([]byte(nil), key...))
		return nil
	})
	if err == nil {
		err = settle()
	}
	s.missing = s.missing || missing
	if err != nil {
		return err
	}
	return s.opts.Marks.DeleteMarks(SpaceRecipients, replaced...)
}

// sameRecipient says whether two keys are of the same recipient: all but the time
// and the choices.
func sameRecipient(a, b []byte) bool {
	return len(a) == len(b) && string(a[:len(a)-5]) == string(b[:len(b)-5])
}

// replaced returns the keys of a recipient's statements from which no register comes.
func (s *Set) replaced(keys [][]byte) (old [][]byte, err error) {
	for _, key := range keys {
		said, err := readStatement(key)
		if err != nil {
			return nil, err
		}
		n, err := s.site(string(said.site))
		if err != nil {
			return nil, err
		}
		has, counts := s.recipients.get(n, said.recipient), false
		for r := range registers {
			c := said.said.of(r)
			counts = counts || c != Unset && c == has.choices.of(r) && said.when == has.at[r]
		}
		if !counts {
			old = append(old, key)
		}
	}
	return old, nil
}

// forgetBefore is the time, in seconds, before which withdrawn records are
// forgotten: every cookie that names them has expired by then.
func (s *Set) forgetBefore(now time.Time) int64 {
	return now.Add(-time.Duration(s.lifetime.Load()) - 24*time.Hour).Unix()
}

// Forget drops the ids of records that no valid cookie can name any more, from disk
// and memory, and returns their number. Follow does it by itself every hour.
func (s *Set) Forget(now time.Time) (int, error) {
	before := s.forgetBefore(now)
	if before <= 0 {
		return 0, nil
	}
	old := s.records.before(uint32(min(before, 1<<32-1)))
	keys := make([][]byte, len(old))
	for i := range old {
		keys[i] = old[i][:]
	}
	if err := s.opts.Marks.DeleteMarks(SpaceRecords, keys...); err != nil {
		return 0, fmt.Errorf("withdrawal: forgetting %d records: %w", len(old), err)
	}
	s.records.remove(old)
	return len(old), nil
}

// ForgetSite takes from the disk what recipients of a site said: the site was wound
// down, and nothing is measured or sent for it any more. What this process has in
// memory ends with it. Records that were taken back stay: a copy of a cookie that
// is still about must go on being a no.
func (s *Set) ForgetSite(site string) (int, error) {
	var keys [][]byte
	_, err := s.opts.Marks.Marks(SpaceRecipients, func(key, _ []byte) error {
		if said, err := readStatement(key); err == nil && string(said.site) == site {
			keys = append(keys, slices.Clone(key))
		}
		return nil
	})
	if err != nil || len(keys) == 0 {
		return 0, err //nolint:wrapcheck // it says what and where already
	}
	return len(keys), s.opts.Marks.DeleteMarks(SpaceRecipients, keys...) //nolint:wrapcheck // as above
}
