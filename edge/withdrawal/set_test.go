package withdrawal

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/spool"
)

func TestPolicy_6_4_NewestStatementCounts(t *testing.T) {
	unsubscribe := func(sec int) Entry { return Entry{Site: "shop", Recipient: 7, Time: at(sec), Mail: Denied} }
	consent := func(sec int, open, click, mail Choice, proven bool) Entry {
		return Entry{Site: "shop", Recipient: 7, Time: at(sec), Open: open, Click: click, Mail: mail, Proven: proven}
	}
	for _, c := range []struct {
		name  string
		said  []Entry
		want  [registers]Choice
		since int
	}{
		{"granted", []Entry{consent(-9, Granted, Denied, Unset, false)}, [...]Choice{Granted, Denied, Unset}, -9},
		{"withdrawn later", []Entry{consent(-9, Granted, Granted, Unset, false), consent(-8, Denied, Unset, Unset, false)}, [...]Choice{Denied, Granted, Unset}, -8},
		{"withdrawn earlier", []Entry{consent(-9, Denied, Unset, Unset, false), consent(-8, Granted, Unset, Unset, false)}, [...]Choice{Granted, Unset, Unset}, -8},
		{"in one second the no counts", []Entry{consent(-9, Denied, Granted, Unset, false), consent(-9, Granted, Denied, Unset, false)}, [...]Choice{Denied, Denied, Unset}, -9},
		{"unsubscribed", []Entry{unsubscribe(-9)}, [...]Choice{Unset, Unset, Denied}, -9},
		{"a later list without proof", []Entry{unsubscribe(-9), consent(-8, Granted, Granted, Granted, false)}, [...]Choice{Granted, Granted, Denied}, -8},
		{"a later one, proven", []Entry{unsubscribe(-9), consent(-8, Granted, Unset, Granted, true)}, [...]Choice{Granted, Unset, Granted}, -8},
		{"an earlier one, proven", []Entry{unsubscribe(-8), consent(-9, Granted, Unset, Granted, true)}, [...]Choice{Granted, Unset, Denied}, -8},
		{"of the same second, proven", []Entry{unsubscribe(-9), consent(-9, Granted, Unset, Granted, true)}, [...]Choice{Granted, Unset, Denied}, -9},
		{"proven, but silent on mail", []Entry{unsubscribe(-9), consent(-8, Granted, Granted, Unset, true)}, [...]Choice{Granted, Granted, Denied}, -8},
		{"unsubscribed again", []Entry{consent(-9, Unset, Unset, Granted, true), unsubscribe(-7)}, [...]Choice{Unset, Unset, Denied}, -7},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := newDisk(t)
			forward, backward := loaded(t, d), loaded(t, d)
			must(t, forward.Add(c.said...))
			for i := range c.said {
				backward.Apply(c.said[len(c.said)-1-i])
			}
			want := State{Open: c.want[0], Click: c.want[1], Mail: c.want[2], Newest: at(c.since)}
			for name, s := range map[string]*Set{"forward": forward, "backward": backward, "after a restart": loaded(t, d)} {
				got := s.Recipient("shop", 7)
				got.OpenAt, got.ClickAt = time.Time{}, time.Time{} // TestChoicesKeepTheirTimes
				if got != want || got.Unsubscribed() != (want.Mail == Denied) {
					t.Errorf("%s: %+v, want %+v", name, got, want)
				}
				if got := s.Recipient("other", 7); got != (State{}) {
					t.Errorf("%s: another site's recipient is %+v", name, got)
				}
			}
		})
	}
}

// TestChoicesKeepTheirTimes: each choice has the time of its own newest statement,
// also of one that repeats it, in any order and after a restart.
func TestChoicesKeepTheirTimes(t *testing.T) {
	said := []Entry{
		{Site: "shop", Recipient: 7, Time: at(-9), Open: Granted, Click: Denied},
		{Site: "shop", Recipient: 7, Time: at(-7), Open: Granted},
		{Site: "shop", Recipient: 7, Time: at(-5), Mail: Denied},
		{Site: "shop", Recipient: 8, Time: at(-5), Mail: Denied},
	}
	d, _ := newDisk(t)
	forward, backward := loaded(t, d), loaded(t, d)
	must(t, forward.Add(said...))
	for i := range said {
		backward.Apply(said[len(said)-1-i])
	}
	for name, s := range map[string]*Set{"forward": forward, "backward": backward, "after a restart": loaded(t, d)} {
		if got := s.Recipient("shop", 7); !got.OpenAt.Equal(at(-7)) || !got.ClickAt.Equal(at(-9)) {
			t.Errorf("%s: open %v, click %v", name, got.OpenAt, got.ClickAt)
		}
		if got := s.Recipient("shop", 8); !got.OpenAt.IsZero() || !got.ClickAt.IsZero() {
			t.Errorf("%s: of nothing said: open %v, click %v", name, got.OpenAt, got.ClickAt)
		}
	}
}

func TestPolicy_2_4_WithdrawnRecordStaysWithdrawn(t *testing.T) {
	d, dir := newDisk(t)
	s := loaded(t, d)
	must(t, s.Add(Entry{Site: "shop", Record: record(1), Time: noon}, Entry{Site: "blog", Record: record(2), Time: noon}))
	must(t, d.Close())
	s = loaded(t, openDisk(t, spool.Options{Dir: dir}))
	if !s.RecordWithdrawn(record(1)) || !s.RecordWithdrawn(record(2)) || s.RecordWithdrawn(record(3)) {
		t.Error("a restart changed which records count")
	}
	if st := s.Stats(); st.Records != 2 || st.Recipients != 0 {
		t.Errorf("%+v", st)
	}
}

func TestForget_RecordsOnlyAndOnlyOldOnes(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	must(t, s.Add(
		Entry{Site: "shop", Record: record(1), Time: noon.Add(-lifetime - 25*time.Hour)},
		Entry{Site: "shop", Record: record(2), Time: noon.Add(-lifetime)},
		Entry{Site: "shop", Recipient: 9, Mail: Denied, Time: noon.Add(-20 * lifetime)},
	))
	if n, err := s.Forget(noon); n != 1 || err != nil {
		t.Fatalf("forgot %d, %v", n, err)
	}
	for _, s := range []*Set{s, loaded(t, d)} {
		if s.RecordWithdrawn(record(1)) || !s.RecordWithdrawn(record(2)) || !s.Recipient("shop", 9).Unsubscribed() {
			t.Error("the wrong ones were forgotten")
		}
	}
	s.SetLifetime(2 * lifetime)
	if n, err := s.Forget(noon.Add(lifetime)); n != 0 || err != nil {
		t.Errorf("with a longer lifetime forgot %d, %v", n, err)
	}
}

func TestAdd_RefusesTheImpossible(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	good := Entry{Site: "shop", Recipient: 1, Time: noon, Mail: Denied}
	for name, change := range map[string]func(*Entry){
		"no site":        func(e *Entry) { e.Site = "" },
		"a long site":    func(e *Entry) { e.Site = strings.Repeat("s", 256) },
		"no time":        func(e *Entry) { e.Time = time.Time{} },
		"too late a day": func(e *Entry) { e.Time = time.Unix(math.MaxUint32+1, 0) },
		"the future":     func(e *Entry) { e.Time = at(301) },
		"a joined pair":  func(e *Entry) { e.Record = record(1) },
		"a bad choice":   func(e *Entry) { e.Open = 3 },
	} {
		bad := good
		change(&bad)
		if err := s.Add(good, bad); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v", name, err)
		}
		s.Apply(Entry{})
	}
	if st := s.Stats(); st.Records+st.Recipients != 0 {
		t.Errorf("with an error some counted: %+v", st)
	}
	must(t, s.Add(Entry{Site: "shop", Recipient: 1, Time: noon})) // says nothing
	if st := s.Stats(); st.Recipients != 0 {
		t.Errorf("%+v", st)
	}
	if _, err := New(Options{Marks: d}); err == nil {
		t.Error("made a set that forgets everything")
	}
}

// TestAct_WinsOverFasterClocks lets a person act on a node whose clock is behind
// what another node was told.
func TestAct_WinsOverFasterClocks(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	said := Entry{Site: "shop", Recipient: 4, Open: Granted, Mail: Granted, Proven: true}
	said.Time = at(900) // from the feed: a node 15 minutes ahead
	s.Apply(said)
	for i, c := range []struct {
		act  Entry
		want [registers]Choice
		sec  int
	}{
		{Entry{Mail: Denied}, [...]Choice{Granted, Unset, Denied}, 900},
		{Entry{Open: Denied, Click: Denied}, [...]Choice{Denied, Denied, Denied}, 900},
		{Entry{Open: Granted}, [...]Choice{Granted, Denied, Denied}, 901},
		{Entry{Mail: Granted, Proven: true}, [...]Choice{Granted, Denied, Granted}, 901},
		{Entry{Open: Denied, Mail: Denied}, [...]Choice{Denied, Denied, Denied}, 901},
		{Entry{Open: Denied}, [...]Choice{Denied, Denied, Denied}, 901}, // nothing to win over
	} {
		c.act.Site, c.act.Recipient = "shop", 4
		must(t, s.Add(s.Act(c.act)))
		want := State{Open: c.want[0], Click: c.want[1], Mail: c.want[2], Newest: at(c.sec)}
		got := s.Recipient("shop", 4)
		got.OpenAt, got.ClickAt = time.Time{}, time.Time{}
		if got != want {
			t.Errorf("step %d: %+v, want %+v", i, got, want)
		}
	}
	if got, want := loaded(t, d).Recipient("shop", 4), s.Recipient("shop", 4); got.Mail != want.Mail || got.Open != want.Open {
		t.Errorf("after a restart %+v, want %+v", got, want)
	}
	if e := s.Act(Entry{Site: "new", Recipient: 1, Mail: Denied}); !e.Time.Equal(noon) {
		t.Errorf("without anything said before, dated %v", e.Time)
	}
}

func TestLoad_DeletesWhatWasReplaced(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	for i := range 20 {
		must(t, s.Add(
			Entry{Site: "shop", Recipient: 1, Time: at(i - 60), Open: Granted + Choice(i%2)},
			Entry{Site: "blog", Recipient: 1, Time: at(i - 60), Mail: Denied},
		))
	}
	must(t, s.Add(Entry{Site: "shop", Recipient: 1, Time: at(-30), Click: Denied}))
	want := s.Recipient("shop", 1)
	for range 2 {
		if got := loaded(t, d).Recipient("shop", 1); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
	left := 0
	must(t, d.Spool.Marks(SpaceRecipients, func(_, _ []byte) error { left++; return nil }))
	if left != 3 { // open and click of the shop, mail of the blog
		t.Errorf("%d statements are left on disk, want 3", left)
	}
}

func TestLoad_RefusesMarksOfANewerProgram(t *testing.T) {
	for _, m := range []Mark{
		{Space: SpaceRecords, Key: []byte("short"), Value: []byte("12345")},
		{Space: SpaceRecords, Key: make([]byte, 16), Value: []byte("1")},
		{Space: SpaceRecipients, Key: []byte("short")},
		{Space: SpaceRecipients, Key: []byte("recipien\x04shop\x00\x00\x00\x01\x03")},
		{Space: SpaceRecipients, Key: []byte("recipien\x04shop\x00\x00\x00\x01\x40")},
		{Space: SpaceRecipients, Key: []byte("recipien\x05shop\x00\x00\x00\x01\x01")},
	} {
		d, _ := newDisk(t)
		must(t, d.PutMarks(m))
		s, err := New(Options{Marks: d, Lifetime: lifetime})
		must(t, err)
		if err := s.Load(); err == nil || s.Ready(time.Now()) == nil {
			t.Errorf("loaded %q", m.Key)
		}
	}
}

// TestSet_ConcurrentUse reads and writes from many goroutines while the tables grow;
// under -race a missing lock is reported.
func TestSet_ConcurrentUse(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	const writers, each = 8, 4000
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if st := s.Recipient("shop", n%(writers*each)); st != (State{}) && st.Open != Denied {
					t.Errorf("half a statement is seen: %+v", st)
					return
				}
				s.RecordWithdrawn(record(byte(n)))
				_ = s.Ready(noon)
				s.Stats()
			}
		})
	}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				s.Apply(
					Entry{Site: "shop", Recipient: uint64(w*each + i), Time: noon, Open: Denied},
					Entry{Site: "shop", Recipient: uint64(i), Time: at(w), Open: Denied}, // all writers
					Entry{Site: "shop", Record: record(byte(i)), Time: noon},
				)
			}
			if err := s.Add(Entry{Site: string(rune('a' + w)), Recipient: 1, Time: noon, Mail: Denied}); err != nil {
				t.Error(err)
			}
		})
	}
	writing.Wait()
	close(stop)
	wg.Wait()
	if st := s.Stats(); st.Recipients != writers*each+writers || st.Records != 256 {
		t.Errorf("%+v", st)
	}
	for i := range uint64(writers * each) {
		if s.Recipient("shop", i).Open != Denied {
			t.Fatalf("recipient %d is lost", i)
		}
	}
}

// TestPolicy_7_7_ForgetSite: what recipients of one site said goes from the disk;
// the other sites' stays, and records that were taken back do.
func TestPolicy_7_7_ForgetSite(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	must(t, s.Add(
		Entry{Site: "shop", Recipient: 1, Time: at(0), Open: Granted}, Entry{Site: "shop", Recipient: 2, Time: at(0), Mail: Denied},
		Entry{Site: "blog", Recipient: 1, Time: at(0), Mail: Denied}, Entry{Site: "shop", Record: record(1), Time: at(0)},
	))
	for _, want := range []int{2, 0} {
		if n, err := s.ForgetSite("shop"); n != want || err != nil {
			t.Errorf("%d are forgotten, %v; want %d", n, err, want)
		}
	}
	s = loaded(t, d)
	if got := s.Recipient("shop", 1); got != (State{}) {
		t.Errorf("still known: %+v", got)
	}
	if !s.Recipient("blog", 1).Unsubscribed() || !s.RecordWithdrawn(record(1)) {
		t.Error("another site's, or a record, was forgotten")
	}
}
