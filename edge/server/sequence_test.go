package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
)

// steps are the requests of somebody who never said yes. MARK stands for what
// is that visitor's alone: in addresses of pages, names, values and cookies.
var steps = []struct{ method, path, body string }{
	{"GET", "/b/shop.js", ""},
	{"GET", "/b/none.js?u=MARK", ""},
	{"GET", "/v1/shown?site=shop", ""},
	{"GET", "/v1/consent?site=shop", ""},
	{"GET", "/v1/consent/receipt?site=shop", ""},
	{"GET", "/v1/me?site=shop", ""},
	{"DELETE", "/v1/me?site=shop", ""},
	{"GET", "/choices/shop?x=MARK", ""},
	{"GET", "/cookies/shop", ""},
	{"GET", "/p.gif?s=shop&u=https://www.shop.example/MARK&r=https://MARK.example/&n=MARK", ""},
	{"GET", "/p.gif?s=shop&k=conversion&u=https://www.shop.example/&n=order&o=MARK&v=12&c=CNY&i=MARK", ""},
	{"GET", "/p.gif?s=shop&k=MARK&u=https://www.shop.example/MARK", ""},
	{"GET", "/MARK?gclid=MARK", ""},
	{"POST", "/v1/events", `{"site":"shop","events":[{"kind":"page_view","url":"https://www.shop.example/MARK?utm_source=MARK","referrer":"https://MARK.example/","id":"MARK"}]}`},
	{"POST", "/v1/events", `{"site":"shop","events":[{"kind":"MARK","url":"MARK"}],"MARK":`},
	{"PUT", "/v1/store/MARK?site=shop", "MARK"},
	{"GET", "/v1/store/MARK?site=shop", ""},
	{"POST", "/v1/consent", `{"site":"shop","method":"reject_all","surface":"banner","notice":{"language":"en"}}`},
	{"POST", "/v1/consent", `{"site":"shop","method":"withdraw","surface":"choices","notice":{"language":"en"}}`},
	{"POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"analytics":false,"marketing":false},"notice":{"language":"en"}}`},
	{"POST", "/v1/consent", `{"site":"shop","method":"gpc","surface":"api","notice":{"language":"en"}}`},
	{"POST", "/v1/consent", `{"site":"shop","method":"MARK","surface":"banner"}`},
}

// refuser walks through steps as one visitor: an address, a version of a
// browser and names that nobody else has.
func (w *world) refuser(mark, address, build string) *browser {
	b := w.browser()
	b.header.Set("X-Forwarded-For", address)
	b.header.Set("User-Agent", strings.Replace(chrome, "140.0.0.0", build, 1))
	b.header.Set("Referer", "https://www.shop.example/"+mark)
	b.cookies["mark"] = mark
	return b
}

// TestPolicy_2_1_5_NothingWithoutAGrant walks any sequence of requests without
// a grant, twice, as two visitors of one country and class of device. Neither
// leaves an event, a cookie but the decision, or anything of their own in the
// spool or the log; and what the two leave is the same.
func TestPolicy_2_1_5_NothingWithoutAGrant(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		walk := rapid.SliceOfN(rapid.IntRange(0, len(steps)-1), 1, 12).Draw(rt, "steps")
		signal := rapid.Bool().Draw(rt, "signal")
		n++
		w.wait(time.Hour) // the limits of rate forget the walks before
		var left [2][]event.Record
		var jars [2]map[string]string
		for i, address := range []string{"203.0.113.77", "203.0.113.199"} {
			mark := fmt.Sprintf("zq%dx%dqz", n, i)
			b := w.refuser(mark, address, fmt.Sprintf("140.0.%d%d.0", 7+i, n%1000))
			if signal {
				b.header.Set("Sec-GPC", "1")
			}
			for _, at := range walk {
				s := steps[at]
				a := b.do(s.method, strings.ReplaceAll(s.path, "MARK", mark), strings.ReplaceAll(s.body, "MARK", mark))
				for _, c := range a.set {
					if c.MaxAge >= 0 && c.Name != "kj_consent_shop" {
						rt.Fatalf("%s %s set the cookie %s without a grant", s.method, s.path, c.Name)
					}
				}
			}
			delete(b.cookies, "mark")
			jars[i] = b.cookies
			if err := w.srv.counts.flush(keeper{w.spool}); err != nil {
				rt.Fatal(err)
			}
			left[i] = w.leavings(rt, mark, address)
		}
		if !maps.Equal(jars[0], jars[1]) {
			rt.Fatalf("two refusers have different cookies: %v and %v", jars[0], jars[1])
		}
		if !reflect.DeepEqual(left[0], left[1]) {
			rt.Fatalf("what two refusers leave tells them apart:\n%s\n%s", asText(left[0]), asText(left[1]))
		}
	})
}

// leavings reads what was kept since the last look, in an order of its own,
// and complains of an event, a subject, and of anything that is one visitor's.
func (w *world) leavings(rt *rapid.T, private ...string) []event.Record {
	before := w.read
	records := w.records()
	for _, r := range records {
		if r.Event != nil || r.Consent != nil && (r.Consent.Subject != 0 || r.Consent.ID != [16]byte{} || r.Consent.Previous != [16]byte{}) {
			rt.Fatalf("a row about somebody who never said yes: %s", asText([]event.Record{r}))
		}
	}
	if len(records) > 0 {
		kept, err := w.spool.Next(w.t.Context(), before, spool.Limits{})
		if err != nil {
			rt.Fatal(err)
		}
		for _, k := range kept {
			for _, p := range private {
				if strings.Contains(string(k.Payload), p) {
					rt.Fatalf("the spool holds %q of somebody who never said yes", p)
				}
			}
		}
	}
	for _, p := range private {
		if strings.Contains(w.log.String(), p) {
			rt.Fatalf("the log holds %q of somebody who never said yes", p)
		}
	}
	// The wording is the site's own and archived when it is first needed.
	records = slices.DeleteFunc(records, func(r event.Record) bool { return r.Wording != nil })
	slices.SortFunc(records, func(a, b event.Record) int {
		return strings.Compare(asText([]event.Record{a}), asText([]event.Record{b}))
	})
	return records
}

func asText(records []event.Record) string {
	b, err := json.Marshal(records)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
