package spool

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// keyFrom makes the days' keys of one secret.
func keyFrom(secret string) func(uint32) []byte {
	return func(day uint32) []byte {
		k := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(secret), day))
		return k[:]
	}
}

func sealedInMemory() Options {
	o := inMemory()
	o.Seal, o.Key = true, keyFrom("a")
	return o
}

// filesWith returns which files of the spool hold text.
func filesWith(t *testing.T, fs vfs.FS, dir, text string) (found []string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if errors.Is(err, os.ErrNotExist) { // Pebble removed it meanwhile
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if bytes.Contains(b, []byte(text)) {
			found = append(found, name)
		}
	}
	return found
}

// TestSeal_NothingPlainOnDisk looks for a record's words in all files: in the
// log, in tables, set aside and put back.
func TestSeal_NothingPlainOnDisk(t *testing.T) {
	const words = "kX9$vQ2!marker#77~zP"
	for _, sealed := range []bool{false, true} {
		o := inMemory()
		o.Seal, o.Key = sealed, keyFrom("a")
		s := openAt(t, o)
		for range 3 {
			if err := s.Append([]byte("one "+words), []byte("two "+words)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SetAside(1, 2, "refused"); err != nil {
			t.Fatal(err)
		}
		if err := s.SetAside(3, 4, "refused"); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Replay(1); n != 2 || err != nil {
			t.Fatalf("%d replayed, %v", n, err)
		}
		inLog := filesWith(t, o.FS, o.Dir, words)
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
		inTable := filesWith(t, o.FS, o.Dir, words)
		if sealed != (len(inLog) == 0) || sealed != (len(inTable) == 0) {
			t.Errorf("sealed %v: found in %v, then in %v", sealed, inLog, inTable)
		}
		got, err := s.AsideRecords(3)
		if err != nil || len(got) != 2 || string(got[1].Payload) != "two "+words {
			t.Errorf("set aside: %v, %v", got, err)
		}
		for _, r := range drain(t, s, 0) {
			if !strings.HasSuffix(string(r.Payload), words) {
				t.Errorf("record %d is %q", r.Seq, r.Payload)
			}
		}
	}
}

// TestSeal_TurnedOnAndOff: what was written plain is read by a spool that seals,
// and the other way round, whatever the day.
func TestSeal_TurnedOnAndOff(t *testing.T) {
	o := inMemory()
	o.Key = keyFrom("a")
	var now atomic.Int64 // the spool's own tasks read the clock too
	now.Store(1_700_000_000)
	o.Now = func() time.Time { return time.Unix(now.Load(), 0) }
	for i, seal := range []bool{false, true, false, true} {
		o.Seal = seal
		s := openAt(t, o)
		appendN(t, s, 5*i+1, 5)
		if i == 1 {
			if err := s.SetAside(1, 3, "refused"); err != nil { // plain records, by a spool that seals
				t.Fatal(err)
			}
		}
		if i == 2 {
			if n, err := s.Replay(1); n != 3 || err != nil { // and put back by one that does not
				t.Fatalf("%d replayed, %v", n, err)
			}
		}
		now.Add(30 * 60 * 60)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	records := drain(t, openAt(t, o), 3)
	if len(records) != 20 {
		t.Fatalf("%d records", len(records))
	}
	seen := map[string]bool{}
	for _, r := range records {
		seen[string(r.Payload)] = true
	}
	for i := range 20 {
		if !seen[string(payload(i+1))] {
			t.Errorf("record %d is missing", i+1)
		}
	}
}

// TestSeal_WrongKey: another ring's records are set aside, none is returned; with
// no ring at all the reader stops in front of them.
func TestSeal_WrongKey(t *testing.T) {
	o := sealedInMemory()
	s := openAt(t, o)
	appendN(t, s, 1, 4)
	s.Close()
	o.Seal, o.Key = false, nil
	s = openAt(t, o)
	if records, err := s.Next(t.Context(), 0, Limits{}); !errors.Is(err, errNoKey) || len(records) > 0 {
		t.Errorf("without a key: %d records, %v", len(records), err)
	}
	if st := s.Stats(); st.Damaged != 0 || st.Depth != 4 {
		t.Errorf("without a key: %+v", st)
	}
	s.Close()
	o.Key = keyFrom("b")
	s = openAt(t, o)
	appendN(t, s, 9, 1)
	if records := drain(t, s, 0); len(records) != 1 || string(records[0].Payload) != string(payload(9)) {
		t.Errorf("with another key: %d records", len(records))
	}
	if st := s.Stats(); st.Damaged != 4 {
		t.Errorf("with another key: %+v", st)
	}
	if _, err := Open(Options{Dir: "x", FS: vfs.NewMem(), Seal: true}); err == nil {
		t.Error("seals without a key")
	}
}

// TestSeal_Altered: a sealed record that somebody changed, checksum and all, is
// set aside.
func TestSeal_Altered(t *testing.T) {
	o := sealedInMemory()
	s := openAt(t, o)
	value := make([]byte, groupHeader)
	for i := range 3 {
		sealed, err := s.sealer.seal(nil, payload(i+1))
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			sealed[len(sealed)-20] ^= 1
		}
		value = appendFrame(value, sealedVersion, sealed)
	}
	groupInfo{count: 3, at: 1}.encode(value, 1)
	if err := s.db.Set(groupKey(1), value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openAt(t, o)
	if records := drain(t, s, 0); len(records) != 2 || records[1].Seq != 3 || s.Stats().Damaged != 1 {
		t.Errorf("%d records, %+v", len(records), s.Stats())
	}
}

// TestSeal_Salvage damages a table of sealed records: what can be read is read.
func TestSeal_Salvage(t *testing.T) {
	o := sealedInMemory()
	s := openAt(t, o)
	for i := range 200 {
		if err := s.Append(sized(i+1, 2000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	fs := o.FS.(*vfs.MemFS)
	names, _ := fs.List(o.Dir)
	for _, name := range names {
		if strings.HasPrefix(name, "MANIFEST") {
			if err := fs.Remove(fs.PathJoin(o.Dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s = openAt(t, o)
	records := drain(t, s, 0)
	if len(records) != 200 {
		t.Errorf("%d of 200 records were salvaged", len(records))
	}
	for _, r := range records {
		if string(r.Payload) != string(sized(int(r.Seq), 2000)) {
			t.Fatalf("record %d is not what was stored", r.Seq)
		}
	}
}

// BenchmarkAppend_Sealed is BenchmarkAppend beside the same with sealed records.
func BenchmarkAppend_Sealed(b *testing.B) {
	record := make([]byte, 200)
	for _, n := range []int{1, 64, 256} {
		for _, seal := range []bool{false, true} {
			b.Run(fmt.Sprintf("goroutines=%d/sealed=%v", n, seal), func(b *testing.B) {
				s := openAt(b, Options{Dir: filepath.Join(b.TempDir(), "q"), Seal: seal, Key: keyFrom("a")})
				eachOf(b, n, func() error { return s.Append(record) })
			})
		}
	}
}
