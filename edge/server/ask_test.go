package server

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// postbox is where a test's mails arrive: by address.
type postbox struct {
	mu    sync.Mutex
	mails map[string][]RightMail
}

func (p *postbox) SendRight(to mail.Address, m RightMail) error {
	return to.Deliver(func(address string) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.mails == nil {
			p.mails = map[string][]RightMail{}
		}
		p.mails[address] = append(p.mails[address], m)
		return nil
	})
}

// got waits until what was asked for is sent, and returns the mails to an address.
func (w *world) got(p *postbox, address string) []RightMail {
	w.srv.asking.under.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mails[address]
}

func (w *world) recipient(address string) uint64 {
	w.t.Helper()
	a, err := mail.ParseAddress(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Recipient(w.srv.opts.Ring, "shop")
}

const askPath = "/rights/shop"

// TestPolicy_5_3_AskByMailAddress: the answer tells nobody who is known; only who
// is known gets a mail, and not more than one in ten minutes.
func TestPolicy_5_3_AskByMailAddress(t *testing.T) {
	box := new(postbox)
	w := newMailWorld(t, func(o *Options) { o.Rights = box })
	w.says(withdrawal.Entry{Recipient: w.recipient("anna@shop.example"), Open: withdrawal.Granted})
	b := w.reader()
	b.page()
	var pages []string
	for _, address := range []string{"anna@shop.example", "Anna@Shop.Example", "bert@shop.example", "no address", "", "a@b@c", strings.Repeat("x", 5000) + "@x.example"} {
		w.wait(20 * time.Second)
		a := b.submit(askPath, "email="+strings.ReplaceAll(address, "@", "%40"))
		if a.status != 200 || len(a.set) != 0 || a.header.Get("Location") != "" {
			t.Errorf("%q: %d", address, a.status)
		}
		pages = append(pages, a.body)
	}
	for i, page := range pages {
		if page != pages[0] || !strings.Contains(page, "a link is on its way to it") {
			t.Errorf("answer %d differs: %s", i, page)
		}
	}
	mails := w.got(box, "anna@shop.example")
	if len(mails) != 1 || len(box.mails) != 1 || mails[0].Lang != "en" || !strings.HasPrefix(mails[0].Address, "https://t.shop.example/r/") {
		t.Fatalf("mails %+v", box.mails)
	}
	w.wait(mailEvery)
	b.submit(askPath, "email=anna%40shop.example")
	if got := w.got(box, "anna@shop.example"); len(got) != 2 {
		t.Errorf("ten minutes later: %d mails", len(got))
	}
	for n := 0; ; n++ {
		if a := b.submit(askPath, "email=x"); a.status == 429 {
			break
		} else if n > 10 {
			t.Fatal("one address may ask without end")
		}
	}
	if a := b.send(askPath, "email=anna%40shop.example"); a.status != 403 {
		t.Errorf("without the form's token: %d", a.status)
	}
	log := w.log.String()
	if strings.Contains(log, "anna") || strings.Contains(log, "/r/") {
		t.Errorf("the log tells who asked: %s", log)
	}
	none := newMailWorld(t)
	if a := none.reader().get(askPath); a.status != 503 || !strings.Contains(a.body, "privacy@shop.example") {
		t.Errorf("without a mail server: %d %s", a.status, a.body)
	}
}

// TestPolicy_5_1_5_3_RecipientRight: see, copy, correct and erase by the address
// that was sent, once, for half an hour; and what was erased is measured no more.
func TestPolicy_5_1_5_3_RecipientRight(t *testing.T) {
	box, l := new(postbox), new(ledger)
	w := newMailWorld(t, func(o *Options) { o.Rights, o.Kept = box, l })
	l.w = w
	anna := w.recipient("anna@shop.example")
	w.says(withdrawal.Entry{Recipient: anna, Open: withdrawal.Granted, Click: withdrawal.Granted})
	sent := w.path(identity.Open, newsletter(anna))
	b := w.reader()
	b.touch(identity.Open, sent)
	b.page()
	ask := func() string {
		t.Helper()
		w.wait(mailEvery)
		w.heard()
		before := len(w.got(box, "anna@shop.example"))
		b.submit(askPath, "email=anna%40shop.example")
		mails := w.got(box, "anna@shop.example")
		if len(mails) != before+1 {
			t.Fatalf("%d mails", len(mails))
		}
		return strings.TrimPrefix(mails[before].Address, "https://t.shop.example")
	}
	old := ask()
	w.wait(identity.MailRightLifetime)
	if a := b.get(old); a.status != 410 {
		t.Errorf("after half an hour: %d", a.status)
	}
	path := ask()
	for range 2 { // looking does not use it up: mail scanners look too
		if page := b.get(path); page.status != 200 || !strings.Contains(page.body, "<td>Autumn</td>") || !strings.Contains(page.body, `href="../m/`) {
			t.Fatalf("the page: %d %s", page.status, page.body)
		}
	}
	if me := decode[keptBody](t, b.get(path+"?format=json")); len(me.Kept) != 1 || len(me.Kept[0].Rows) != 1 || me.Subject != identity.FormatID(w.srv.opts.Ring.RecipientHash("shop", anna)) {
		t.Errorf("the copy: %+v", me)
	}
	if a := b.send(path, "action=erase"); a.status != 403 {
		t.Errorf("without the form's token: %d", a.status)
	}
	w.records()
	if a := b.submit(path, "action=erase"); a.status != 200 || !strings.Contains(a.body, "Erasure has begun.") {
		t.Fatalf("erasing: %d %s", a.status, a.body)
	}
	var tomb *event.Erasure
	var said *event.Statement
	for _, r := range w.records() {
		if r.Erasure != nil {
			tomb = r.Erasure
		}
		if r.Statement != nil {
			said = r.Statement
		}
	}
	if tomb == nil || tomb.By != event.ByRecipient || tomb.Hash != w.srv.opts.Ring.RecipientHash("shop", anna) {
		t.Fatalf("the tombstone %+v", tomb)
	}
	if visitor, recipient, err := w.srv.opts.Ring.UnsealSubject("shop", tomb.Subject); visitor != 0 || recipient != anna || err != nil {
		t.Errorf("it names %d, %d, %v", visitor, recipient, err)
	}
	if said == nil || said.Open != event.Denied || said.Click != event.Denied || said.All != event.Unset {
		t.Errorf("said %+v", said)
	}
	if a := b.get(path); a.status != 410 {
		t.Errorf("a second time: %d", a.status)
	}
	if a := b.touch(identity.Open, sent); a.result() != "refused; reason=withdrawn" {
		t.Errorf("mail already sent: %q", a.result())
	}
}

// TestPolicy_5_3_OperatorErasesRecipient: nothing is measured from then on, and an
// unsubscription is neither made nor taken back.
func TestPolicy_5_3_OperatorErasesRecipient(t *testing.T) {
	w := newMailWorld(t)
	anna := w.recipient("anna@shop.example")
	w.says(withdrawal.Entry{Recipient: anna, Open: withdrawal.Granted, Click: withdrawal.Granted})
	sent := w.path(identity.Open, newsletter(anna))
	b := w.reader()
	w.records()
	if err := w.srv.EraseRecipient("shop", anna); err != nil {
		t.Fatal(err)
	}
	kept := w.records()
	if len(kept) != 2 {
		t.Fatalf("kept %+v", kept)
	}
	var tomb *event.Erasure
	for _, r := range kept {
		if r.Erasure != nil {
			tomb = r.Erasure
		} else if said := r.Statement; said == nil || said.By != "operator" || said.Open != event.Denied || said.Click != event.Denied || said.All != event.Unset {
			t.Errorf("said %+v", said)
		}
	}
	if tomb == nil || tomb.By != event.ByOperator || tomb.Hash != w.srv.opts.Ring.RecipientHash("shop", anna) {
		t.Errorf("the tombstone %+v", tomb)
	}
	if a := b.touch(identity.Open, sent); a.result() != "refused; reason=withdrawn" {
		t.Errorf("mail already sent: %q", a.result())
	}
	for _, wrong := range []struct {
		site      string
		recipient uint64
	}{{"shop", 0}, {"nowhere", anna}} {
		if err := w.srv.EraseRecipient(wrong.site, wrong.recipient); err == nil {
			t.Errorf("%+v is erased", wrong)
		}
	}
}
