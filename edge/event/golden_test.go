package event

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var writeGolden = flag.Bool("golden", false, "write testdata for wire versions that have none")

// TestOldSpoolsAreReadable: a new binary reads an old spool. testdata/wire-N
// holds one record of each type as wire version N wrote it, every field set,
// beside what it says. These files are never changed: a field that is added
// later is zero in them. After raising WireVersion or adding a type,
// `go test -golden` adds what is missing.
func TestOldSpoolsAreReadable(t *testing.T) {
	for version := 1; version <= WireVersion; version++ {
		for name, r := range full() {
			base := filepath.Join("testdata", fmt.Sprintf("wire-%d", version), name)
			if *writeGolden && version == WireVersion {
				write(t, base, r)
			}
			text, err := os.ReadFile(base + ".hex")
			if err != nil {
				t.Errorf("%v: write it with -golden", err)
				continue
			}
			b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(b)
			if err != nil {
				t.Errorf("%s: %v", base, err)
				continue
			}
			want, err := os.ReadFile(base + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			have := map[string]bool{}
			for line := range strings.Lines(dump(got)) {
				have[line] = true
			}
			for line := range strings.Lines(string(want)) {
				if !have[line] {
					t.Errorf("%s: want %s but now it says\n%s", base, line, dump(got))
				}
			}
		}
	}
}

// write keeps a version's records; one that is there already stays.
func write(t *testing.T, base string, r Record) {
	t.Helper()
	if _, err := os.Stat(base + ".hex"); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	text := hex.EncodeToString(encode(t, r))
	var lines strings.Builder
	for len(text) > 0 {
		n := min(64, len(text))
		lines.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	for ending, content := range map[string]string{".hex": lines.String(), ".txt": dump(r)} {
		if err := os.WriteFile(base+ending, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dump says what a record holds: a line per field, by its path.
func dump(r Record) string {
	var out strings.Builder
	for _, v := range []reflect.Value{reflect.ValueOf(r.Event), reflect.ValueOf(r.Consent), reflect.ValueOf(r.Refusal), reflect.ValueOf(r.Notice), reflect.ValueOf(r.Erasure), reflect.ValueOf(r.Wording), reflect.ValueOf(r.Statement)} {
		if !v.IsNil() {
			dumpValue(&out, v.Elem().Type().Name(), v.Elem())
		}
	}
	return out.String()
}

func dumpValue(out *strings.Builder, path string, v reflect.Value) {
	switch at, isTime := v.Interface().(time.Time); {
	case isTime:
		fmt.Fprintf(out, "%s = %s\n", path, at.Format(time.RFC3339Nano))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			dumpValue(out, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			dumpValue(out, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		fmt.Fprintf(out, "%s = %#v\n", path, v.Interface())
	}
}
