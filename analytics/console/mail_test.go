package console

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
)

// testMailing makes mail as the program does, and keeps consents in memory;
// package main tests the pages' API on the real one.
type testMailing struct {
	ring     *identity.Ring
	consents []MailConsent
}

func (m *testMailing) Consents(_ context.Context, _ string, list []MailConsent) error {
	m.consents = append(m.consents, list...)
	return nil
}

func (m *testMailing) Instrument(context.Context, *site.Site, []MailWanted) ([]MailResult, error) {
	return []MailResult{{Err: ErrUnsubscribed}}, nil
}

func (m *testMailing) Unsubscribes(context.Context, *site.Site, time.Time) ([]MailLeft, time.Time, error) {
	return nil, time.Time{}, nil
}

func (m *testMailing) Preview(s *site.Site, w MailWanted) (*MailMade, error) {
	if w.Campaign == "" {
		return nil, &report.Error{Parameter: "campaign", Problem: "is missing", Fix: "write it"}
	}
	made, err := mail.Instrument(mail.Options{
		Site: s.ID, Ring: m.ring, Endpoint: s.Endpoints[0].String(), Campaign: event.Campaign{Name: w.Campaign}, Recipient: 1, MayOpen: true, MayClick: true, Test: true,
	}, []byte(w.HTML))
	if err != nil {
		return nil, err
	}
	out := &MailMade{HTML: string(made.HTML), Pixel: made.Pixel, Headers: map[string]string{}}
	for _, h := range made.Headers {
		out.Headers[h.Name] = h.Value
	}
	for _, l := range made.Links {
		out.Links = append(out.Links, MailLink{l.Address, l.Decision.String()})
	}
	return out, nil
}

// everyDecision has a link of each kind.
const everyDecision = `<body><a href="https://shop.example/">1</a><a href="">2</a><a href="#top">3</a><a href="/rel">4</a><a href="mailto:a@b.example">5</a>` +
	`<a href="https://x.example/{{name}}">6</a><a href="https://t.shop.example/choices/shop">7</a><a href="https://shop.example/unsubscribe">8</a>` +
	`<a href="https://shop.example/" data-no-track>9</a><a href="https://a b/">10</a><a href="kunji:choices">11</a><script>alert(1)</script></body>`

// TestMailPage: a template shows what becomes of each link, escaped, in both
// languages; a file of consents is stored or its faults are shown.
func TestMailPage(t *testing.T) {
	h := build(t, nil, false)
	session := h.signIn("post")
	csrf := csrfOf(t, h.do("GET", mailPath, cookies(session)).body)
	for _, lang := range []string{"en", "zh-CN"} {
		tried := h.do("POST", mailPath+"?lang="+lang, cookies(session), form(url.Values{"csrf": {csrf}, "site": {"shop"}, "campaign": {"spring"}, "html": {everyDecision}}))
		wantStatus(t, "a template", tried, http.StatusOK)
		if strings.Count(tried.body, "<tr><th scope=\"row\" class=\"address\">") != 11 || strings.Contains(tried.body, "<script") || !strings.Contains(tried.body, "https://t.shop.example/c/") {
			t.Errorf("the page lacks a link, or is not escaped: %s", tried.body)
		}
		if found := missingText.FindStringSubmatch(tried.body); found != nil {
			t.Errorf("in %s the page says %s", lang, found[1])
		}
		for _, d := range []mail.Decision{
			mail.Tracked, mail.Tagged, mail.Kept, mail.Placed, mail.LeftEmpty, mail.LeftFragment, mail.LeftRelative, mail.LeftScheme,
			mail.LeftTemplate, mail.LeftOwn, mail.LeftUnsubscribe, mail.LeftExcluded, mail.LeftOptOut, mail.LeftInvalid,
		} {
			texts, err := loadTexts()
			if key := "mailtool.decision." + d.String(); err != nil || texts.say(lang, key) == key {
				t.Errorf("%s has no %s", lang, key)
			}
		}
	}
	wrong := h.do("POST", mailPath+"?lang=en", cookies(session), form(url.Values{"csrf": {csrf}, "site": {"shop"}, "html": {everyDecision}}))
	wantStatus(t, "no campaign", wrong, http.StatusUnprocessableEntity)
	wantStatus(t, "a large template", h.do("POST", mailPath, cookies(session), form(url.Values{"csrf": {csrf}, "site": {"shop"}, "campaign": {"a"}, "html": {strings.Repeat("a", maxForm)}})), http.StatusOK)
	wantStatus(t, "a template too large", h.do("POST", mailPath, cookies(session), form(url.Values{"csrf": {csrf}, "html": {strings.Repeat("a", maxMailForm)}})), http.StatusBadRequest)
	wantStatus(t, "a marketer", h.do("GET", mailPath, cookies(h.signIn("ada"))), http.StatusForbidden)

	upload := func(file string) reply {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.WriteField("csrf", csrf) // a Buffer takes everything
		_ = w.WriteField("site", "shop")
		part, err := w.CreateFormFile("file", "consents.csv")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, file)
		_ = w.Close()
		return h.do("POST", mailConsentPath+"?lang=en", cookies(session), send(w.FormDataContentType(), b.String()))
	}
	good := upload(byteOrderMark + "Recipient,time,mail_open,proof\nanna@example.org,2026-03-01T00:00:00Z,yes,\"form, 1\"\n")
	wantStatus(t, "a file", good, http.StatusOK)
	if got := h.mailing.consents; !strings.Contains(good.body, "Stored: 1 rows.") || len(got) != 1 || got[0].Open != SaidYes || got[0].Proof != "form, 1" || got[0].Site.ID != "shop" {
		t.Errorf("stored %+v", got)
	}
	bad := upload("recipient,time,mail_open\nanna@example.org,2026-03-01T00:00:00Z,yes\nbert@example.org,today,yes\n")
	wantStatus(t, "a file with an error", bad, http.StatusUnprocessableEntity)
	if !strings.Contains(bad.body, `<td class="n">3</td>`) || strings.Contains(bad.body, "bert") || len(h.mailing.consents) != 1 {
		t.Errorf("the fault is not told, or too much: %s", bad.body)
	}
}
