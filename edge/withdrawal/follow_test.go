package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/kunjicloud/kunji/edge/spool"
)

// memoryFeed is a store that several nodes share.
type memoryFeed struct {
	mu    sync.Mutex
	said  []Entry
	page  int
	err   error
	asked []string // the cursors
}

func (f *memoryFeed) tell(e ...Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, e...)
}

func (f *memoryFeed) Since(_ context.Context, cursor string) (Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, cursor)
	if f.err != nil {
		return Page{}, f.err
	}
	from := 0
	if cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil {
			return Page{}, err
		}
		from = n
	}
	to := min(from+f.page, len(f.said))
	if to == 0 {
		return Page{}, nil
	}
	again := max(0, from-2) // what a store overlaps, so as to leave nothing out
	return Page{Entries: slices.Clone(f.said[again:to]), Cursor: strconv.Itoa(to), More: to < len(f.said)}, nil
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// TestPolicy_6_4_UnsubscribeReachesOtherNodes has two nodes that share a feed.
func TestPolicy_6_4_UnsubscribeReachesOtherNodes(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	defer func() { stop(); following.Wait() }()
	feed := &memoryFeed{page: 3}
	var nodes [2]*Set
	for i := range nodes {
		d, _ := newDisk(t)
		nodes[i] = loaded(t, d)
		if err := nodes[i].Ready(noon); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("ready before it heard of others: %v", err)
		}
		following.Go(func() { nodes[i].Follow(ctx, feed, time.Millisecond) })
		eventually(t, "ready", func() bool { return nodes[i].Ready(noon) == nil })
	}
	for n := range uint64(10) {
		e := nodes[n%2].Act(Entry{Site: "shop", Recipient: n, Mail: Denied})
		must(t, nodes[n%2].Add(e))
		if !nodes[n%2].Recipient("shop", n).Unsubscribed() {
			t.Fatal("not at once on the node that took it")
		}
		feed.tell(e) // the shipper brings it to the store
		eventually(t, "the other node knows", func() bool { return nodes[1-n%2].Recipient("shop", n).Unsubscribed() })
	}
	back := Entry{Site: "shop", Record: record(5), Time: noon}
	must(t, nodes[0].Add(back))
	feed.tell(back, Entry{}) // what says nothing stops nobody
	eventually(t, "the other node knows", func() bool { return nodes[1].RecordWithdrawn(record(5)) })
}

func TestFollow_GoesOnWhereItWas(t *testing.T) {
	feed := &memoryFeed{page: 4}
	for n := range uint64(10) {
		feed.tell(Entry{Site: "shop", Recipient: n, Time: at(-1), Click: Denied})
	}
	d, dir := newDisk(t)
	s := loaded(t, d)
	must(t, s.hear(t.Context(), feed))
	feed.tell(Entry{Site: "shop", Recipient: 10, Time: at(-1), Click: Denied})
	must(t, s.hear(t.Context(), feed))
	must(t, d.Close())
	s = loaded(t, openDisk(t, spool.Options{Dir: dir}))
	for n := range uint64(11) {
		if s.Recipient("shop", n).Click != Denied {
			t.Errorf("recipient %d is lost with the restart", n)
		}
	}
	must(t, s.hear(t.Context(), feed))
	if want := []string{"", "4", "8", "10", "11"}; !slices.Equal(feed.asked, want) {
		t.Errorf("asked from %q, want %q", feed.asked, want)
	}
}

func TestFollow_ForgottenRecordsStayForgotten(t *testing.T) {
	feed := &memoryFeed{page: 9}
	feed.tell(Entry{Site: "shop", Record: record(1), Time: noon.Add(-2 * lifetime)}, Entry{Site: "shop", Record: record(2), Time: noon})
	d, _ := newDisk(t)
	s := loaded(t, d)
	must(t, s.hear(t.Context(), feed))
	if st := s.Stats(); st.Records != 1 || !s.RecordWithdrawn(record(2)) {
		t.Errorf("%+v", st)
	}
}

func TestReady(t *testing.T) {
	d, _ := newDisk(t)
	s := loaded(t, d)
	feed := &memoryFeed{page: 1, err: errors.New("the store is away")}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Follow(ctx, feed, time.Millisecond); close(done) }()
	defer func() { stop(); <-done }()
	asked := func() int { feed.mu.Lock(); defer feed.mu.Unlock(); return len(feed.asked) }
	eventually(t, "it tries again", func() bool { return asked() > 3 })
	if err := s.Ready(noon); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("with the store away since the start: %v", err)
	}
	feed.mu.Lock()
	feed.err = nil
	feed.mu.Unlock()
	eventually(t, "ready", func() bool { return s.Ready(noon) == nil })
	for after, want := range map[time.Duration]error{
		59 * time.Second: nil, 60 * time.Second: nil, 61 * time.Second: ErrSilent,
		-time.Hour: ErrSilent, // the clock was put back: nobody knows how long it has been
	} {
		if err := s.Ready(noon.Add(after)); !errors.Is(err, want) {
			t.Errorf("after %v: %v, want %v", after, err, want)
		}
	}
	if a := testing.AllocsPerRun(100, func() { _ = s.Ready(at(99)) }); a != 0 {
		t.Errorf("Ready allocates %v times", a)
	}
}

// TestFollow_FetchesAgainWhatDamageTook damages a log in which statements stand, and
// wants a set that is not ready until it has read the feed from its beginning.
func TestFollow_FetchesAgainWhatDamageTook(t *testing.T) {
	fs := vfs.NewCrashableMem()
	d := openDisk(t, spool.Options{Dir: "q", FS: fs})
	s := loaded(t, d)
	feed := &memoryFeed{page: 20}
	for n := range uint64(50) {
		e := Entry{Site: "shop", Recipient: n, Time: at(-1), Mail: Denied}
		must(t, s.Add(e))
		feed.tell(e)
	}
	must(t, s.hear(t.Context(), feed))
	damaged := fs.CrashClone(vfs.CrashCloneCfg{})
	names, err := damaged.List("q")
	must(t, err)
	slices.Sort(names)
	for _, n := range names {
		if b, err := damaged.UnsafeGetFileDataBuffer("q/" + n); err == nil && n[len(n)-4:] == ".log" && len(b) > 3000 {
			b[2000] ^= 1
		}
	}
	s = loaded(t, openDisk(t, spool.Options{Dir: "q", FS: damaged}))
	lost := 50 - s.Stats().Recipients
	if lost == 0 || lost > 2 {
		t.Fatalf("%d statements are lost, want one or two", lost)
	}
	if err := s.Ready(noon); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("ready without them: %v", err)
	}
	feed.asked = nil
	must(t, s.hear(t.Context(), feed))
	if st := s.Stats(); st.Recipients != 50 || s.Ready(noon) != nil || feed.asked[0] != "" {
		t.Errorf("%+v, asked from %q", st, feed.asked)
	}
	again := loaded(t, s.opts.Marks)
	if again.missing || again.cursor == "" || again.Stats().Recipients != 50 {
		t.Errorf("after the repair: missing %v, cursor %q, %+v", again.missing, again.cursor, again.Stats())
	}
}

// TestCrash_RecordAndWithdrawalLandTogether stops the machine while consent records
// are written together with what they take back: each of a pair is on disk after the
// start exactly when the other is.
func TestCrash_RecordAndWithdrawalLandTogether(t *testing.T) {
	for seed := range uint64(12) {
		fs := vfs.NewCrashableMem()
		d := openDisk(t, spool.Options{Dir: "q", FS: fs, MinFree: -1})
		s := loaded(t, d)
		var answered sync.Map
		var writing sync.WaitGroup
		for w := range 3 {
			writing.Go(func() {
				for n := range 25 {
					e := Entry{Site: "shop", Record: [16]byte{byte(w + 1), byte(n), 1}, Time: noon}
					marks, err := s.Marks(e)
					if err == nil {
						err = d.AppendMarked(toSpool(marks), e.Record[:])
					}
					if err != nil {
						t.Error(err)
						return
					}
					s.Apply(e)
					answered.Store(e.Record, true)
				}
			})
		}
		for len(taken(&answered)) < int(5+seed*4) {
			time.Sleep(50 * time.Microsecond)
		}
		before := taken(&answered)
		clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed * 9), RNG: seeded(seed)})
		writing.Wait()
		must(t, d.Close())
		checkPairs(t, fmt.Sprintf("seed %d", seed), openDisk(t, spool.Options{Dir: "q", FS: clone, MinFree: -1}), before)
	}
}

func taken(m *sync.Map) (ids [][16]byte) {
	m.Range(func(id, _ any) bool { ids = append(ids, id.([16]byte)); return true })
	return ids
}

func checkPairs(t *testing.T, name string, d disk, answered [][16]byte) {
	t.Helper()
	s := loaded(t, d)
	stored := map[[16]byte]bool{}
	records, err := d.Read(t.Context(), 1, max(1, d.Spool.Stats().Stored))
	must(t, err)
	for _, r := range records {
		id := [16]byte(r.Payload)
		if stored[id] = true; !s.RecordWithdrawn(id) {
			t.Errorf("%s: a record landed without its withdrawal", name)
		}
	}
	if n := s.Stats().Records; n != len(stored) {
		t.Errorf("%s: %d withdrawals for %d records", name, n, len(stored))
	}
	for _, id := range answered {
		if !stored[id] || !s.RecordWithdrawn(id) {
			t.Errorf("%s: what was answered for is lost", name)
		}
	}
}
