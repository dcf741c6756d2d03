package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
)

// TestCrash kills the whole process group under load, several times: every
// event that was answered as recorded is in ClickHouse once, and in the tables
// made from it.
func TestCrash(t *testing.T) { crash(t, 3) }

func crash(t *testing.T, rounds int) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	load := &load{in: in, answered: map[string]bool{}, sent: map[string]bool{}}
	for round := range rounds {
		r := in.start("serve")
		end := make(chan struct{})
		var wg sync.WaitGroup
		for n := range 12 {
			wg.Go(func() { load.visitor(fmt.Sprintf("r%dv%d", round, n), end) })
		}
		time.Sleep(2*time.Second + time.Duration(rand.IntN(2000))*time.Millisecond)
		r.kill()
		close(end)
		wg.Wait()
	}
	r := in.start("serve")
	in.shipped()
	load.check(t)
	r.end()
}

// TestRetryAfterCrash: an event that was shipped, and whose client never heard
// the answer, is sent again to the process that comes after a crash.
func TestRetryAfterCrash(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	v := &visitor{in: in, client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	click := func() {
		t.Helper()
		if _, result, err := v.do("GET", "/p.gif?s=shop&k=click&i=once&u=http://"+in.edge+"/shop/", ""); err != nil || result != "recorded" {
			t.Fatalf("a click was %q, %v", result, err)
		}
	}
	r := in.start("serve")
	if status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil || status != http.StatusOK {
		t.Fatalf("consent: %d, %v", status, err)
	}
	for range 2 {
		click()
		in.shipped()
		r.kill()
		r = in.start("serve")
	}
	click()
	in.eventually("ClickHouse is back", func() error { return in.partOK("clickhouse") }) // the one before may still be ending
	in.shipped()
	if got := in.column("SELECT count() FROM events WHERE kind = 'click'"); got[0] != "1" {
		t.Errorf("the click is stored %s times", got[0])
	}
	r.end()
}

// load is what was sent and what was answered as recorded, by event id.
type load struct {
	in             *installation
	mu             sync.Mutex
	sent, answered map[string]bool
}

// visitor clicks until end. A click whose answer did not arrive is sent again
// with the same id, as the script does.
func (l *load) visitor(name string, end <-chan struct{}) {
	v := &visitor{in: l.in, client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}}
	defer v.client.CloseIdleConnections()
	accept := `{"site":"shop","method":"accept_all","surface":"banner"}`
	for {
		if status, _, err := v.do("POST", "/v1/consent", accept); err == nil && status == http.StatusOK {
			break
		}
		select {
		case <-end:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	for n := 0; ; n++ {
		select {
		case <-end:
			return
		default:
		}
		id := fmt.Sprintf("%s-%d", name, n)
		l.note(l.sent, id)
		page := "http://" + l.in.edge + "/shop/"
		for range 2 {
			var result string
			var err error
			if n%2 == 0 {
				_, result, err = v.do("GET", "/p.gif?s=shop&k=click&i="+id+"&u="+page, "")
			} else {
				_, result, err = v.do("POST", "/v1/events", `{"site":"shop","events":[{"kind":"click","id":"`+id+`","url":"`+page+`"}]}`)
			}
			if err == nil && result == "recorded" {
				l.note(l.answered, id)
				break
			}
		}
	}
}

func (l *load) note(in map[string]bool, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in[storedID(id)] = true
}

// storedID is how the edge keeps a client's id (server.parseHitID).
func storedID(id string) string {
	sum := sha256.Sum256([]byte("event/shop/" + id))
	return hex.EncodeToString(sum[:16])
}

func (l *load) check(t *testing.T) {
	t.Helper()
	rows := l.in.column("SELECT lower(replaceAll(toString(event_id), '-', '')) FROM events WHERE kind = 'click'")
	stored := map[string]int{}
	for _, id := range rows {
		stored[id]++
	}
	lost, twice, strange := 0, 0, 0
	for id := range l.answered {
		if stored[id] == 0 {
			lost++
		}
	}
	for id, n := range stored {
		if n > 1 {
			twice++
		}
		if !l.sent[id] {
			strange++
		}
	}
	t.Logf("sent %d, answered as recorded %d, stored %d", len(l.sent), len(l.answered), len(rows))
	if len(l.answered) < 100 {
		t.Errorf("only %d events were answered: there was no load", len(l.answered))
	}
	if lost+twice+strange > 0 {
		t.Errorf("%d lost, %d stored more than once, %d never sent", lost, twice, strange)
	}
	for _, q := range []struct{ name, sql string }{
		{"campaign_day counts other clicks than events", "SELECT (SELECT sum(clicks) FROM campaign_day) = (SELECT count() FROM events WHERE kind = 'click')"},
		{"campaign_day counts other visits than events", "SELECT (SELECT sum(visits) FROM campaign_day) = (SELECT count() FROM events WHERE kind = 'visit')"},
		{"touches holds other rows than there were visits", "SELECT (SELECT count() FROM touches) = (SELECT count() FROM events WHERE kind = 'visit')"},
		{"sales holds other rows than there were conversions", "SELECT (SELECT count() FROM sales) = (SELECT count() FROM events WHERE kind IN ('conversion', 'refund'))"},
		{"visitor_days holds other days than there were page views", "SELECT (SELECT (uniqExact(visitor, local_day), sum(cityHash64(visitor, local_day))) FROM (SELECT DISTINCT visitor, local_day FROM visitor_days)) = (SELECT (uniqExact(visitor, local_day), sum(cityHash64(visitor, local_day))) FROM (SELECT DISTINCT visitor, local_day FROM events WHERE kind IN ('page_view', 'visit') AND machine = 0 AND visitor != 0))"},
		{"an event has no consent record that grants it", "SELECT count() = 0 FROM events WHERE basis = 'record' AND consent_record NOT IN (SELECT id FROM consents WHERE subject != 0)"},
	} {
		if got := l.in.column(q.sql); len(got) != 1 || got[0] != "1" {
			t.Errorf("%s: %q", q.name, got)
		}
	}
}
