package spool

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// TestDamage_OwnChecksums damages a group before it is written, so that only the
// spool's own checksums can tell.
func TestDamage_OwnChecksums(t *testing.T) {
	group := func() []byte {
		v := make([]byte, groupHeader)
		for i := range 5 {
			v = appendFrame(v, formatVersion, payload(i+1))
		}
		groupInfo{count: 5, at: 1}.encode(v, 1)
		return v
	}
	size := len(group())
	frame := func(i int) int { // where frame i starts
		n := groupHeader
		for k := range i {
			n += frameHeader + len(payload(k+1))
		}
		return n
	}
	for _, c := range []struct {
		name    string
		at      int
		want    int // sound records
		damaged uint64
	}{
		{"header", 3, 0, 5},
		{"version of the group", 0, 0, 5},
		{"first record", frame(0) + frameHeader, 4, 1},
		{"checksum of the middle one", frame(2) + 6, 4, 1},
		{"version of the middle one", frame(2), 4, 1},
		{"length of the middle one", frame(2) + 1, 2, 3},
		{"last record", size - 1, 4, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := inMemory()
			s := openAt(t, o)
			v := group()
			v[c.at] ^= 0x10
			if err := s.db.Set(groupKey(1), v, pebble.Sync); err != nil {
				t.Fatal(err)
			}
			if err := s.db.Set(groupKey(6), lateGroup(), pebble.Sync); err != nil {
				t.Fatal(err)
			}
			for range 2 { // counted once, also across a restart
				s.Close()
				s = openAt(t, o)
				got := drain(t, s, 0)
				if len(got) != c.want+1 || string(got[c.want].Payload) != "late" {
					t.Fatalf("%d sound records, want %d and a late one", len(got), c.want)
				}
				if st := s.Stats(); st.Damaged != c.damaged {
					t.Errorf("%d damaged, want %d", st.Damaged, c.damaged)
				}
			}
			if err := s.Ack(6); err != nil {
				t.Fatal(err)
			}
			if st := s.Stats(); st.Depth != 0 || st.Bytes != 0 || st.Damaged != c.damaged {
				t.Errorf("after Ack: %+v", st)
			}
		})
	}
}

func lateGroup() []byte {
	v := appendFrame(make([]byte, groupHeader), formatVersion, []byte("late"))
	groupInfo{count: 1, at: 2, recordsBefore: 5, bytesBefore: 200}.encode(v, 6)
	return v
}
