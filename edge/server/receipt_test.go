package server

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

func TestReceiptSaysWhatWasDecided(t *testing.T) {
	w, l := newKeptWorld(t, testSite(asksEverything))
	b := w.browser()
	const path = "/v1/consent/receipt?site=shop"
	if a := b.get(path); a.status != 404 {
		t.Errorf("without a decision: %d", a.status)
	}
	b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"analytics":true,"marketing":false},"services":{"ga4":false},"notice":{"language":"en"}}`)
	a := b.get(path)
	r := decode[receipt](t, a)
	if !strings.Contains(a.header.Get("Content-Disposition"), `attachment; filename="kunji-consent-shop.json"`) || a.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("headers %v", a.header)
	}
	if r.SchemaVersion != "ISO/IEC TS 27560:2023" || r.RecordID == "" || r.ReceiptID == "" || r.Source != "ledger" || r.PolicyVersion != 1 ||
		r.PrincipalID != identity.FormatID(w.srv.opts.Ring.SubjectHash("shop", b.visitor())) || strings.Contains(a.body, "kj_vid") {
		t.Errorf("header %+v", r)
	}
	decisions := map[string]string{}
	for _, p := range r.Processing.Purposes {
		decisions[p.Purpose] = p.Decision
	}
	if want := map[string]string{"analytics": "granted", "marketing": "denied"}; !maps.Equal(decisions, want) {
		t.Errorf("purposes %v, want %v", decisions, want)
	}
	if s := r.Processing.Recipients; len(s) != 1 || s[0].ID != "ga4" || s[0].Decision != "denied" || s[0].Provider != "Kit Ltd" {
		t.Errorf("recipients %+v", s)
	}
	if r.Processing.StorageLocation != "cn" || r.Processing.Retention.Events != "P395D" || r.Processing.WithdrawalMethod[0] != "https://t.shop.example/choices/shop" || r.Parties[0].Name != "Shop Ltd" {
		t.Errorf("processing %+v, parties %+v", r.Processing, r.Parties)
	}
	if e := r.Events[0]; e.Time != "2026-05-04T10:00:00Z" || e.Day != "2026-05-04" || e.State != "given" || e.Method != "save" || e.Surface != "preferences" {
		t.Errorf("event %+v", e)
	}
	sum := sha256.Sum256([]byte(r.Notice.Wording))
	if !r.Notice.AsShown || r.Notice.Hash != hex.EncodeToString(sum[:]) || r.Notice.Language != "en" || r.Notice.Policy != "https://t.shop.example/policy/shop/1" {
		t.Errorf("notice %+v", r.Notice)
	}

	l.mu.Lock()
	l.away = true
	l.mu.Unlock()
	away := decode[receipt](t, b.get(path))
	if e := away.Events[0]; away.Source != "cookie" || away.RecordID != r.RecordID || e.Time != "" || e.Day != "2026-05-04" || away.Notice.AsShown {
		t.Errorf("with the store away: %+v", away)
	}
}

// TestReceiptOfARefusalNamesNobody: two refusers get the same but for the
// receipt's own number.
func TestReceiptOfARefusalNamesNobody(t *testing.T) {
	w, _ := newKeptWorld(t, testSite())
	var texts []string
	for range 2 {
		b := w.browser()
		b.choose("reject_all")
		a := b.get("/v1/consent/receipt?site=shop")
		r := decode[receipt](t, a)
		if r.RecordID != "" || r.PrincipalID != "" || r.Events[0].Time != "" || r.Events[0].State != "refused" {
			t.Errorf("%+v", r)
		}
		texts = append(texts, strings.ReplaceAll(a.body, r.ReceiptID, ""))
	}
	if texts[0] != texts[1] {
		t.Errorf("two refusers differ:\n%s\n%s", texts[0], texts[1])
	}
}

func (w *world) split() (consents []event.Consent, wordings []event.Wording) {
	for _, r := range w.records() {
		switch {
		case r.Consent != nil:
			consents = append(consents, *r.Consent)
		case r.Wording != nil:
			wordings = append(wordings, *r.Wording)
		}
	}
	return consents, wordings
}

// TestWordingOfADecisionIsArchivedOnce, before or with the first decision that
// was made by it, in each language.
func TestWordingOfADecisionIsArchivedOnce(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	b.choose("reject_all")
	consents, wordings := w.split()
	if len(wordings) != 1 || len(consents) != 2 {
		t.Fatalf("%d wordings, %d decisions", len(wordings), len(consents))
	}
	first := wordings[0]
	if sha256.Sum256([]byte(first.Text)) != first.Hash || first.Hash != consents[0].NoticeHash || first.Version != consents[1].NoticeVersion || first.Language != "en" || first.Site != "shop" {
		t.Errorf("wording %+v of decision %+v", first, consents[0])
	}
	b.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner","notice":{"language":"zh-CN"}}`)
	if _, wordings := w.split(); len(wordings) != 1 || wordings[0].Language != "zh-CN" || wordings[0].Hash == first.Hash {
		t.Errorf("in another language: %+v", wordings)
	}

	// Archived by the process before, it is not archived again.
	next := newWorld(t, []*site.Site{testSite()})
	next.srv.Restore(event.Record{Wording: &first})
	next.browser().choose("accept_all")
	if consents, wordings := next.split(); len(wordings) != 0 || len(consents) != 1 {
		t.Errorf("after a restart: %d wordings, %d decisions", len(wordings), len(consents))
	}

	// A page that was open during a reload answers by the wording it showed.
	changed := testSite(func(s *site.Site) { s.Controller.Name = "New Owner Ltd" })
	if err := w.srv.SetSites([]*site.Site{changed}); err != nil {
		t.Fatal(err)
	}
	choose := func(version string) event.Consent {
		b.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner","notice":{"language":"en","version":"`+version+`"}}`)
		consents, _ := w.split()
		return consents[0]
	}
	if c := choose(first.Version); c.NoticeHash != first.Hash || c.NoticeVersion != first.Version {
		t.Errorf("a page from before the reload: %s %x", c.NoticeVersion, c.NoticeHash)
	}
	if c := choose(""); c.NoticeHash == first.Hash || c.NoticeHash == [32]byte{} {
		t.Errorf("a page from after it: %x", c.NoticeHash)
	}
	if c := choose("0badcafe"); c.NoticeHash != [32]byte{} || c.NoticeVersion != "0badcafe" {
		t.Errorf("a version that is not known here carries another text's hash: %s %x", c.NoticeVersion, c.NoticeHash)
	}
	if c := choose("a@b.exam"); c.NoticeVersion == "a@b.exam" {
		t.Error("what is no version was kept as one")
	}
}
