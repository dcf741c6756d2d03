package store

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"

	chdb "github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

// trace is what a person leaves in files.
type trace map[string][]byte

// sketchOf returns what a rollup's sketch of one visitor is; it ends in the hash.
func sketchOf(t testing.TB, s *Store, visitor uint64) []byte {
	t.Helper()
	state, err := hex.DecodeString(one(t, s, fmt.Sprintf("SELECT hex(uniqCombined64State(14)(toUInt64(%d)))", visitor)))
	if err != nil || len(state) < 8 {
		t.Fatalf("a sketch of one: %x, %v", state, err)
	}
	return state
}

// traceOf returns the forms in which a visitor's id may lie on disk: the column,
// text, and what a sketch keeps of it while it is small.
func traceOf(t *testing.T, s *Store, visitor uint64) trace {
	t.Helper()
	state := sketchOf(t, s, visitor)
	return trace{
		"id": binary.LittleEndian.AppendUint64(nil, visitor), "text": []byte(strconv.FormatUint(visitor, 10)),
		"hex": []byte(strconv.FormatUint(visitor, 16)), "sketch": state[len(state)-8:],
	}
}

// eachFile reads the files of an engine, as they are and decompressed: plain is
// nil where a file is not compressed.
func eachFile(t testing.TB, dir string, read func(name string, raw, plain []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		plain, err := io.ReadAll(compress.NewReader(bytes.NewReader(raw)))
		if err != nil {
			plain = nil
		}
		name, _ := filepath.Rel(dir, path)
		read(name, raw, plain)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// scan returns in which files of the engine traces are, decompressed: a search
// in compressed files finds nothing even where everything is.
func scan(t *testing.T, dir string, traces trace) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	eachFile(t, dir, func(name string, raw, plain []byte) {
		for what, needle := range traces {
			if bytes.Contains(raw, needle) || bytes.Contains(plain, needle) {
				found[what] = append(found[what], name)
			}
		}
	})
	return found
}

// TestPolicy_5_3_ErasureLeavesNoTrace looks for an erased visitor in every file
// of the engine, and finds a visitor who was not erased by the same search.
func TestPolicy_5_3_ErasureLeavesNoTrace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "engine")
	e := enginetest.StartOptions(t, chdb.Options{Dir: dir})
	s := openOn(t, e.Dial, "")
	removePartsAtOnce(t, s)
	const victim, control = 0x9e3779b97f4a7c15, 0xd1b54a32d192ed03
	heads := map[string]Head{}
	var crowd []uint64
	for n := range uint64(200) {
		crowd = append(crowd, n+1)
	}
	lives(t, s, heads, "1", "shop", append(crowd, victim, control)...)
	lives(t, s, heads, "2", "blog", victim) // another site's: erased there too
	gone, stays := traceOf(t, s, victim), traceOf(t, s, control)
	for name, traces := range map[string]trace{"the one to be erased": gone, "the control": stays} {
		found := scan(t, dir, traces)
		if len(found["id"]) < 3 || len(found["sketch"]) == 0 {
			t.Fatalf("%s is found in %v: the search does not see", name, found)
		}
	}
	tombstones(t, s, "3", "shop", victim)
	tombstones(t, s, "4", "blog", victim)
	done := eraseAll(t, s, 2)
	if done[0].Events != 12 || done[1].Events != 12 {
		t.Errorf("receipts %+v", done)
	}
	var left map[string][]string
	for range 100 {
		if left = scan(t, dir, gone); len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("traces are left: %v", left)
	}
	found := scan(t, dir, stays)
	for _, table := range []string{"id", "sketch"} {
		if len(found[table]) == 0 {
			t.Errorf("the control is not found as %s any more: %v", table, found)
		}
	}
	mutations := one(t, s, "SELECT groupUniqArray(command) FROM system.mutations")
	for _, form := range []string{strconv.FormatUint(victim, 10), strconv.FormatUint(victim, 16)} {
		if strings.Contains(mutations, form) {
			t.Errorf("a mutation names the visitor: %s", mutations)
		}
	}
	if !strings.Contains(mutations, "erasing") {
		t.Errorf("no mutation names the table erasing: %s", mutations)
	}
	wantOthers(t, s, len(crowd)+1, 2)
}
