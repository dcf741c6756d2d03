package withdrawal

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/spool"
)

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 11)) }

// said is a recipient's register in the model.
type said struct {
	site      string
	recipient uint64
	register  int
}

// model applies entries the plain way: sorted by time, a no last within a second.
func model(entries []Entry) (registers map[said]Choice, records map[[16]byte]bool) {
	registers, records = map[said]Choice{}, map[[16]byte]bool{}
	type step struct {
		said
		at     int64
		choice Choice
	}
	var steps []step
	for _, e := range entries {
		if e.isRecord() {
			records[e.Record] = true
			continue
		}
		if e.Mail == Granted && !e.Proven {
			e.Mail = Unset
		}
		for r, c := range []Choice{e.Open, e.Click, e.Mail} {
			if c != Unset {
				steps = append(steps, step{said{e.Site, e.Recipient, r}, e.Time.Unix(), c})
			}
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return int(a.choice) - int(b.choice)
	})
	for _, s := range steps {
		registers[s.said] = s.choice
	}
	return registers, records
}

// check compares a set with the model.
func check(t *rapid.T, name string, s *Set, entries []Entry) {
	t.Helper()
	want, records := model(entries)
	got := map[said]Choice{}
	for _, e := range entries {
		if e.isRecord() {
			if !s.RecordWithdrawn(e.Record) {
				t.Fatalf("%s: a withdrawn record counts", name)
			}
			continue
		}
		st := s.Recipient(e.Site, e.Recipient)
		for r, c := range []Choice{st.Open, st.Click, st.Mail} {
			if c != Unset {
				got[said{e.Site, e.Recipient, r}] = c
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", name, got, want)
	}
	if n := s.Stats().Records; n != len(records) {
		t.Fatalf("%s: %d records, want %d", name, n, len(records))
	}
}

// TestModel_AnyOrderAnyNode draws statements, gives them to nodes in different
// orders, and wants the same state everywhere, also after a restart.
func TestModel_AnyOrderAnyNode(t *testing.T) {
	choice := rapid.Custom(func(t *rapid.T) Choice { return Choice(rapid.IntRange(0, 2).Draw(t, "choice")) })
	entry := rapid.Custom(func(t *rapid.T) Entry {
		e := Entry{Site: rapid.SampledFrom([]string{"a", "aa", "b"}).Draw(t, "site"), Time: at(-rapid.IntRange(0, 5).Draw(t, "age"))}
		if rapid.IntRange(0, 4).Draw(t, "sort") == 0 {
			e.Record = record(byte(rapid.IntRange(0, 5).Draw(t, "record")))
			return e
		}
		e.Recipient = rapid.Uint64Range(0, 3).Draw(t, "recipient")
		e.Open, e.Click, e.Mail = choice.Draw(t, "open"), choice.Draw(t, "click"), choice.Draw(t, "mail")
		e.Proven = rapid.Bool().Draw(t, "proven")
		return e
	})
	rapid.Check(t, func(rt *rapid.T) {
		entries := rapid.SliceOfN(entry, 1, 30).Draw(rt, "entries")
		other := rapid.Permutation(entries).Draw(rt, "another order")
		d, err := spool.Open(spool.Options{Dir: "q", FS: vfs.NewMem(), MinFree: -1})
		if err != nil {
			rt.Fatal(err)
		}
		defer d.Close()
		one, two := loaded(t, disk{d}), loaded(t, disk{d})
		must(t, one.Add(entries[:len(entries)/2]...))
		must(t, one.take(Page{Entries: entries[len(entries)/2:], Cursor: "1"}))
		two.Apply(other...)
		two.Apply(entries...)
		check(rt, "the node that was told", one, entries)
		check(rt, "another order, and twice", two, entries)
		check(rt, "after a restart", loaded(t, disk{d}), entries)
		check(rt, "after two", loaded(t, disk{d}), entries)
	})
}

// TestModel_LargeTable compares the table with a plain map where parts have grown
// many times.
func TestModel_LargeTable(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	rng := seeded(1)
	want := map[said]Choice{}
	for range 300_000 {
		k := said{site: []string{"shop", "blog"}[rng.IntN(2)], recipient: rng.Uint64N(150_000)}
		want[k] = Denied
		s.Apply(Entry{Site: k.site, Recipient: k.recipient, Time: noon, Click: Denied})
	}
	for n := range uint64(150_000) {
		for _, site := range []string{"shop", "blog"} {
			if got := s.Recipient(site, n); got.Click != want[said{site: site, recipient: n}] || got.Open != Unset || got.Mail != Unset {
				t.Fatalf("recipient %d of %s is %+v", n, site, got)
			}
		}
	}
	st := s.Stats()
	if st.Recipients != len(want) || st.Bytes > int64(len(want))*slotBytes*100/60+256*16*slotBytes {
		t.Errorf("%d recipients take %d bytes, the model has %d", st.Recipients, st.Bytes, len(want))
	}
	if a := testing.AllocsPerRun(1000, func() { s.Recipient("shop", 5) }); a != 0 {
		t.Errorf("a look-up allocates %v times", a)
	}
}
