package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// seal and its inverse stand for the key ring: what matters here is that the
// id is not in what is sealed.
func seal(visitor uint64) string {
	return "sealed " + strconv.FormatUint(visitor^0x5a5a5a5a5a5a5a5a, 36)
}

func unseal(_, sealed string) (visitor, recipient uint64, err error) {
	text, ok := strings.CutPrefix(sealed, "sealed ")
	if !ok {
		return 0, 0, errors.New("another ring's")
	}
	mail, isMail := strings.CutPrefix(text, "mail ")
	n, err := strconv.ParseUint(mail, 36, 64)
	if n ^= 0x5a5a5a5a5a5a5a5a; isMail {
		return 0, n, err
	}
	return n, 0, err
}

var erasing = EraseOptions{Unseal: unseal, Signer: keyed("k")}

func hashOf(site string, visitor uint64) (h [16]byte) {
	copy(h[:], keyed("subject").Sign(site, []byte(strconv.FormatUint(visitor, 10))))
	return h
}

// life is what a site keeps of a visitor: two visits on two days, with page
// views, and the consent before. It is dated some days ago.
func life(site string, visitor uint64) (b Batch) {
	start := time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, -5)
	day := int32(start.Unix() / 86400)
	id := [16]byte{4, 8: byte(visitor >> 56), 9: byte(visitor >> 48), 15: byte(visitor)}
	b.Add(event.Record{Consent: &event.Consent{
		Site: site, ID: id, Subject: visitor, Salt: [16]byte{7, 15: byte(visitor)}, Time: start, Method: "accept_all", KeepUntil: day + 1000,
	}})
	for n := range 12 {
		e := sample(n)
		e.Site, e.Visitor, e.Record, e.LocalDay, e.KeepUntil = site, visitor, id, day+int32(n%2), day+400
		e.Time = start.Add(time.Duration(n)*time.Minute + time.Duration(n%2)*24*time.Hour)
		b.Add(event.Record{Event: e})
	}
	return b
}

// lives inserts what is kept of visitors, as one batch of a node.
func lives(t testing.TB, s *Store, heads map[string]Head, token, site string, visitors ...uint64) {
	t.Helper()
	var b Batch
	for _, v := range visitors {
		one := life(site, v)
		b.Events, b.Consents = append(b.Events, one.Events...), append(b.Consents, one.Consents...)
	}
	for site, h := range b.Chain(nodeA, heads) {
		heads[site] = h
	}
	s.Prepare(&b) // as the shipper does, who has not heard of who was erased
	if err := s.Insert(t.Context(), token, b); err != nil {
		t.Fatal(err)
	}
}

func tombstones(t testing.TB, s *Store, token, site string, visitors ...uint64) {
	t.Helper()
	var b Batch
	for _, v := range visitors {
		b.Add(event.Record{Erasure: &event.Erasure{
			Site: site, Hash: hashOf(site, v), Subject: seal(v), Requested: time.Now().UTC().Truncate(time.Millisecond), By: event.ByVisitor,
		}})
	}
	if err := s.Insert(t.Context(), token, b); err != nil {
		t.Fatal(err)
	}
}

// removePartsAtOnce spares tests the eight minutes for which old parts stay.
func removePartsAtOnce(t testing.TB, s *Store) {
	t.Helper()
	for _, table := range []string{"events", "touches", "sales", "visitor_days", "consents", "campaign_day", "mail_consents"} {
		exec(t, s, "ALTER TABLE "+table+" MODIFY SETTING old_parts_lifetime = 0")
	}
}

// eraseAll calls Erase until n erasures are done.
func eraseAll(t testing.TB, s *Store, n int) (done []ErasureReceipt) {
	t.Helper()
	for range 300 {
		some, err := s.Erase(t.Context(), erasing)
		if err != nil {
			t.Fatal(err)
		}
		if done = append(done, some...); len(done) >= n {
			return done
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%d erasures are done, want %d; requests at %s, old parts %s", len(done), n,
		one(t, s, "SELECT groupArray((step, toString(stepped))) FROM erasures FINAL"),
		one(t, s, "SELECT groupArray((table, name, active, rows, refcount, toString(remove_time), toString(modification_time), removal_state)) FROM system.parts WHERE database = currentDatabase() AND NOT active"))
	return nil
}

// wantOthers proves that what is kept of n people is whole: rows, rollup as if
// it were made from the events that are left, and the ledger.
func wantOthers(t testing.TB, s *Store, people, blanks int) {
	t.Helper()
	want := fmt.Sprintf("%d\t%d\t%d\t%d\t0", 12*people, 2*people, people, blanks)
	if got := one(t, s, "SELECT (SELECT count() FROM events), (SELECT count() FROM touches), (SELECT countIf(subject != 0) FROM consents), (SELECT countIf(erased) FROM consents), (SELECT count() FROM erasing)"); got != want {
		t.Errorf("events, touches, consents, blanks, being erased: %s, want %s", got, want)
	}
	wantViewed(t, s)
	const sums = "SELECT groupArray(x) FROM (SELECT (site, local_day, source, sum(visits), sum(page_views), sum(customs), sum(clicks), max(keep_until), uniqCombined64Merge(14)(visitors)) AS x FROM (%s) GROUP BY site, local_day, source ORDER BY x)"
	rolled := one(t, s, fmt.Sprintf(sums, "SELECT * FROM campaign_day"))
	fresh := one(t, s, fmt.Sprintf(sums, "SELECT site, local_day, source, toUInt64(kind = 'visit') AS visits, toUInt64(kind = 'page_view') AS page_views, toUInt64(kind = 'custom') AS customs, "+
		"toUInt64(kind = 'click') AS clicks, keep_until, initializeAggregation('uniqCombined64State(14)', visitor) AS visitors FROM events WHERE kind IN ('visit', 'page_view', 'custom', 'conversion') "+
		"UNION ALL SELECT site, local_day, source, 0, 0, 0, toUInt64(1), keep_until, arrayReduce('uniqCombined64State(14)', emptyArrayUInt64()) FROM events WHERE kind = 'click'"))
	if rolled != fresh {
		t.Errorf("the rollup says\n%s\nthe events say\n%s", rolled, fresh)
	}
	blank := uint64(0)
	for _, r := range verify(t, s, VerifyOptions{}) {
		if blank += r.Blanks; r.Break != nil {
			t.Errorf("ledger of %s: broken at %+v", r.Site, r.Break)
		}
	}
	if blank != uint64(blanks) {
		t.Errorf("the ledger counts %d blanks, want %d", blank, blanks)
	}
}

func testErase(t *testing.T, s *Store) {
	t.Parallel() // it waits most of the time
	removePartsAtOnce(t, s)
	s.forgotten.subject = hashOf
	heads := map[string]Head{}
	lives(t, s, heads, "1", "shop", 1, 2, 3, 4)
	wantOthers(t, s, 4, 0)
	if done, err := s.Erase(t.Context(), erasing); err != nil || len(done) != 0 {
		t.Fatalf("nothing to erase: %v, %v", done, err)
	}
	tombstones(t, s, "2", "shop", 2, 4)
	tombstones(t, s, "3", "blog", 3) // the same number at another site is another person
	waiting := erasing
	waiting.Settle = time.Hour
	if _, err := s.Erase(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	if n, done, oldest, err := s.Erasures(t.Context()); err != nil || n != 3 || done != 0 || time.Since(oldest) > time.Minute {
		t.Errorf("%d wait since %v, %d are done, %v", n, oldest, done, err)
	}
	done := eraseAll(t, s, 3)
	wantOthers(t, s, 2, 2)
	for _, r := range done {
		want := [3]uint64{12, 2, 1}
		if r.Site == "blog" {
			want = [3]uint64{}
		}
		if [3]uint64{r.Events, r.Touches, r.Consents} != want || string(keyed("k").Sign(r.Site, r.Message())) != string(r.Signature) || r.Finished.Before(r.Requested) {
			t.Errorf("receipt %+v", r)
		}
	}
	if got := one(t, s, "SELECT countIf(step = 4 AND subject = '' AND receipt != ''), count() FROM erasures"); got != "3\t3" {
		t.Errorf("finished requests, rows: %s", got)
	}
	testSealedIDsGo(t, s)
	testErasedStay(t, s, heads)
}

// testSealedIDsGo: what a process that died behind a receipt left of the steps
// before goes when the next one begins.
func testSealedIDsGo(t *testing.T, s *Store) {
	exec(t, s, "INSERT INTO erasures SELECT * REPLACE (3 AS step, 'sealed' AS subject, '' AS receipt) FROM erasures FINAL")
	s.tidied.Store(false)
	for range 2 {
		if _, err := s.Erase(t.Context(), erasing); err != nil {
			t.Fatal(err)
		}
	}
	if got := one(t, s, "SELECT countIf(subject != ''), count() FROM erasures"); got != "0\t3" || !s.tidied.Load() {
		t.Errorf("sealed ids, rows: %s; tidied %v", got, s.tidied.Load())
	}
}

// testErasedStay: late batches bring nobody back, on this node or another one.
func testErasedStay(t *testing.T, s *Store, heads map[string]Head) {
	other, err := Open(Options{Dial: nil, DSN: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.conn, other.plain, other.database = s.conn, s.plain, s.database
	for i, node := range []*Store{s, other} {
		node.forgotten.subject = hashOf
		lives(t, node, heads, fmt.Sprintf("late %d", i), "shop", 2, uint64(10+i))
	}
	wantOthers(t, s, 4, 4) // 1, 3 and the two newcomers; a blank each time for 2
	kept, err := s.About(t.Context(), "shop", 2)
	if err != nil || len(kept) != 0 {
		t.Errorf("kept about 2: %+v, %v", kept, err)
	}
	if kept, err = s.About(t.Context(), "shop", 1); err != nil || len(kept) != 2 || len(kept[0].Rows) != 12 || len(kept[1].Rows) != 1 {
		t.Errorf("kept about 1: %+v, %v", kept, err)
	}
	for _, table := range kept {
		if len(table.Columns) < 4 || table.Columns[0] != "time" || table.Rows[0][0] < table.Rows[len(table.Rows)-1][0] {
			t.Errorf("%s: columns %v, first row %v", table.Name, table.Columns, table.Rows[0])
		}
		for _, c := range table.Columns {
			if c == "region" && table.Name == "consents" {
				t.Errorf("an empty column is shown")
			}
		}
	}
}

// cutAfter is a connection that breaks after so many writes to all of its
// kind.
type cutAfter struct {
	net.Conn
	left *atomic.Int64
}

func (c cutAfter) Write(p []byte) (int, error) {
	if c.left.Add(-1) < 0 {
		c.Conn.Close()
		return 0, errLostHere
	}
	return c.Conn.Write(p)
}

var errLostHere = errors.New("the test cut the connection")

// testEraseInterrupted ends the job at many places, as a crash would, and lets
// the next one go on.
func testEraseInterrupted(t *testing.T, s *Store, dial dialer) {
	t.Parallel() // it waits most of the time
	removePartsAtOnce(t, s)
	heads := map[string]Head{}
	lives(t, s, heads, "control", "shop", 1, 3)
	round, cut := uint64(0), true
	for n := int64(2); cut; n += 9 {
		round++
		victim := 1000 + round
		lives(t, s, heads, fmt.Sprint("life ", round), "shop", victim)
		tombstones(t, s, fmt.Sprint("tombstone ", round), "shop", victim)
		var left atomic.Int64
		left.Store(n)
		broken, err := Open(Options{Database: s.database, Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := dial(ctx)
			return cutAfter{c, &left}, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		var done []ErasureReceipt
		for range 200 { // as the job does, every few seconds
			var some []ErasureReceipt
			some, err = broken.Erase(t.Context(), erasing)
			if done = append(done, some...); err != nil || len(done) > 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		cut = err != nil
		if cut && left.Load() >= 0 {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if got := one(t, s, "SELECT countIf(step < 4) FROM erasures FINAL"); got != "0" {
			done = eraseAll(t, s, 1)
			if r := done[0]; r.Events != 12 || r.Touches != 2 || r.Consents != 1 {
				t.Errorf("cut at %d: receipt %+v", n, r)
			}
		}
		wantOthers(t, s, 2, int(round))
		_ = broken.Close() // its connections are cut
	}
	if round < 4 {
		t.Errorf("only %d places were tried: the job was not interrupted", round)
	}
	t.Logf("%d places", round)
}

// testEraseHolds: while a batch may be stored in part, the rollup is left
// alone; a tombstone that cannot be read stops nobody else's.
func testEraseHolds(t *testing.T, s *Store) {
	t.Parallel() // it waits most of the time
	removePartsAtOnce(t, s)
	heads := map[string]Head{}
	lives(t, s, heads, "1", "shop", 1, 2)
	tombstones(t, s, "2", "shop", 2)
	if err := s.Insert(t.Context(), "3", Batch{Erasures: []*event.Erasure{{
		Site: "shop", Hash: [16]byte{1}, Subject: "forged", Requested: time.Now(), By: event.ByOperator,
	}}}); err != nil {
		t.Fatal(err)
	}
	// ClickHouse is started again in the middle: its memory is empty.
	e := &erasure{ErasureReceipt: ErasureReceipt{Site: "shop", Hash: hashOf("shop", 2), Requested: time.Now()}, visitor: 2}
	if err := s.fillErasing(t.Context(), []*erasure{e}); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "TRUNCATE TABLE erasing")
	if err := s.list(t.Context(), []*erasure{e}); err == nil || !strings.Contains(err.Error(), "begun anew") || e.step != stepRequested {
		t.Errorf("listed without people: %v, step %d", err, e.step)
	}
	s.unsettled.begin("tried")
	for range 2 {
		if _, err := s.Erase(t.Context(), erasing); err == nil || !strings.Contains(err.Error(), "names nobody") {
			t.Errorf("a forged tombstone: %v", err)
		}
	}
	if got := one(t, s, "SELECT maxIf(step, subject != 'forged') FROM erasures FINAL"); got != "1" {
		t.Errorf("step %s, want 1", got)
	}
	s.unsettled.end("tried")
	for range 100 {
		done, err := s.Erase(t.Context(), erasing)
		if err == nil || !strings.Contains(err.Error(), "names nobody") {
			t.Fatalf("a forged tombstone: %v", err)
		}
		if len(done) > 0 {
			wantOthers(t, s, 1, 1)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the other erasure did not end")
}
