package mail

import (
	"errors"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

const endpoint = "https://t.shop.example"

func optionsFor(ring *identity.Ring) Options {
	return Options{
		Site: "shop", Ring: ring, Endpoint: endpoint, Recipient: 4711, Sent: sentAt, MayOpen: true, MayClick: true,
		Campaign: event.Campaign{Source: "newsletter", Medium: "email", Name: "spring & sun"},
		Ref:      "r-1", List: "spring", Exclude: []string{"cdn.example", "signed.example."},
	}
}

const tags = "utm_source=newsletter&utm_medium=email&utm_campaign=spring+%26+sun"

func instrument(t testing.TB, o Options, text string) Result {
	t.Helper()
	result, err := Instrument(o, []byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return result
}

// opened gives the link behind an address of the edge.
func opened(t testing.TB, ring *identity.Ring, use identity.Use, path, address string) identity.Link {
	t.Helper()
	token, ok := strings.CutPrefix(address, endpoint+path)
	l, err := ring.OpenLink(use, strings.TrimSuffix(token, ".gif"))
	if !ok || err != nil {
		t.Fatalf("%s is no %s link: %v", address, use, err)
	}
	return l
}

// TestPolicy_6_4_NoConsentNoBeacon: without consent there is no pixel, and a
// link gets UTM tags at most.
func TestPolicy_6_4_NoConsentNoBeacon(t *testing.T) {
	o := optionsFor(newRing(t))
	o.MayOpen, o.MayClick, o.Trap = false, false, true
	for before, want := range map[string]string{
		`<a href="https://shop.example/a?b=1&amp;c=2">x</a>`:        `<a href="https://shop.example/a?b=1&amp;c=2&amp;` + strings.ReplaceAll(tags, "&", "&amp;") + `">x</a>`,
		`<a href=https://shop.example/a>x</a></body></html>`:        `<a href=https://shop.example/a?` + strings.ReplaceAll(tags, "&", "&amp;") + `>x</a></body></html>`,
		`<a href='https://shop.example/a?utm_id=1&x=2'>x</a>`:       `<a href='https://shop.example/a?utm_id=1&x=2'>x</a>`,
		`<a href="mailto:x@shop.example">x</a><body>y</body>`:       `<a href="mailto:x@shop.example">x</a><body>y</body>`,
		`<a href="https://shop.example/unsubscribe">x</a> & <b/> y`: `<a href="https://shop.example/unsubscribe">x</a> & <b/> y`,
	} {
		got := instrument(t, o, before)
		if string(got.HTML) != want || got.Pixel {
			t.Errorf("%s\n got %s\nwant %s", before, got.HTML, want)
		}
		if strings.Contains(string(got.HTML), endpoint) {
			t.Errorf("%s: the edge is named", before)
		}
	}
}

// TestPolicy_6_4_OpensApartFromClicks: each consent does its own part only.
func TestPolicy_6_4_OpensApartFromClicks(t *testing.T) {
	o := optionsFor(newRing(t))
	const before = `<body><a href="https://shop.example/">x</a></body>`
	o.MayClick = false
	if got := string(instrument(t, o, before).HTML); strings.Contains(got, "/c/") || !strings.Contains(got, "/o/") {
		t.Errorf("opens only: %s", got)
	}
	o.MayClick, o.MayOpen = true, false
	if got := string(instrument(t, o, before).HTML); !strings.Contains(got, "/c/") || strings.Contains(got, "/o/") {
		t.Errorf("clicks only: %s", got)
	}
}

func TestPolicy_6_4_UnsubscribedIsRefused(t *testing.T) {
	o := optionsFor(newRing(t))
	o.Unsubscribed = true
	if got, err := Instrument(o, []byte("x")); !errors.Is(err, ErrUnsubscribed) || got.HTML != nil || got.Headers != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := InstrumentMessage(o, []byte("Subject: x\r\n\r\nx")); !errors.Is(err, ErrUnsubscribed) || got.Message != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPixelPlace(t *testing.T) {
	o := optionsFor(newRing(t))
	for before, after := range map[string]string{ // what stands behind the pixel
		"<html><body>x</body></html>\n": "</body></html>\n",
		"x</BODY >":                     "</BODY >",
		"x</body>y</body>z":             "</body>z",
		"x":                             "",
		"":                              "",
		"<p>x</p></html>":               "",
		"<body>x<!-- </body> -->":       "",
		"<body>x<!-- </body>":           "<!-- </body>",
		"x<!-->":                        "",
		"<style></body></style>x":       "",
		"x<style></body>":               "<style></body>",
		"x<title>y":                     "<title>y",
		`x<a href="https://shop.exa`:    `<a href="https://shop.exa`,
		"x</body":                       "</body",
		"x</":                           "</",
		"x<":                            "",
		"x<!doctype":                    "<!doctype",
	} {
		got := instrument(t, o, before)
		html := string(got.HTML)
		pixel, rest, found := strings.Cut(html[max(0, strings.Index(html, "<img")):], ">")
		if !found || rest != after || !got.Pixel || strings.Count(html, "<img") != 1 {
			t.Errorf("%q: %s, behind the pixel %q, want %q", before, html, rest, after)
		}
		if html[:strings.Index(html, "<img")]+after != before {
			t.Errorf("%q: text was lost in %s", before, html)
		}
		src, _, _ := strings.Cut(strings.TrimPrefix(pixel, `<img src="`), `"`)
		l := opened(t, o.Ring, identity.Open, "/o/", src)
		if l.Recipient != 4711 || l.Campaign != o.Campaign || !strings.HasSuffix(src, ".gif") {
			t.Errorf("the pixel carries %+v", l)
		}
	}
}

// TestSecondRunChangesNothing: never a second pixel, no link through the edge
// twice.
func TestSecondRunChangesNothing(t *testing.T) {
	o := optionsFor(newRing(t))
	o.Trap = true
	once := instrument(t, o, `<body><a href="https://shop.example/">x</a><a href="kunji:unsubscribe">y</a></body>`)
	twice := instrument(t, o, string(once.HTML))
	if string(twice.HTML) != string(once.HTML) || !twice.Pixel {
		t.Errorf("%s\nbecame %s", once.HTML, twice.HTML)
	}
}

func TestOptOutsAreHonouredAndStripped(t *testing.T) {
	o := optionsFor(newRing(t))
	o.MayOpen = false
	for before, want := range map[string]string{
		`<a href="https://shop.example/" data-no-track>x</a>`:            `<a href="https://shop.example/">x</a>`,
		`<a data-no-track href="https://shop.example/">x</a>`:            `<a href="https://shop.example/">x</a>`,
		`<a  ClickTracking=OFF class=b href=https://shop.example/>`:      `<a class=b href=https://shop.example/>`,
		`<a href="https://shop.example/"clicktracking="off"id="b">`:      `<a href="https://shop.example/" id="b">`,
		`<a ses:no-track href='https://shop.example/'>`:                  `<a href='https://shop.example/'>`,
		`<area mautic:disable-tracking=true href=https://shop.example>`:  `<area href=https://shop.example>`,
		`<a data-no-track ses:no-track="" href="https://shop.example/">`: `<a href="https://shop.example/">`,
		`<a data-no-track>x</a>`:                                         `<a>x</a>`,
	} {
		got := instrument(t, o, before)
		if string(got.HTML) != want {
			t.Errorf("%s\n got %s\nwant %s", before, got.HTML, want)
		}
		if len(got.Links) == 1 && got.Links[0].Decision != LeftOptOut {
			t.Errorf("%s: %v", before, got.Links)
		}
	}
	if got := instrument(t, o, `<a href="https://shop.example/" clicktracking=on>`); got.Links[0].Decision != Tracked || !strings.Contains(string(got.HTML), " clicktracking=on>") {
		t.Errorf("clicktracking=on: %s", got.HTML)
	}
}

func TestOnlyLinksChange(t *testing.T) {
	o := optionsFor(newRing(t))
	o.MayOpen = false
	for _, same := range []string{
		`<img src="https://shop.example/a.png"><link href="https://shop.example/a.css"><form action="https://shop.example/">`,
		`<!--[if mso]><a href="https://shop.example/">x</a><![endif]-->`,
		`<script>"<a href='https://shop.example/'>"</script><style>a{background:url(https://shop.example/)}</style>`,
		`<a name="https://shop.example/">x</a> <A>y</A> <abbr href="https://shop.example/">`,
		"\xef\xbb\xbf<P\tclass = x  >\r\n&nbsp &copy; \x00 < a href=https://shop.example/ ></p  >\n<br/ >",
		`<a xhref="https://shop.example/" data-href='https://shop.example/'>x`,
	} {
		if got := instrument(t, o, same); string(got.HTML) != same {
			t.Errorf("%q\nbecame %q", same, got.HTML)
		}
	}
	for before, parts := range map[string][2]string{ // around the new address
		"<A\n\tTITLE = 'b'\n\tHREF\n=\n\"https://shop.example/\" >x":    {"<A\n\tTITLE = 'b'\n\tHREF\n=\n\"", "\" >x"},
		`<a/href='https://shop.example/'/>x`:                            {`<a/href='`, `'/>x`},
		`<a href=https://shop.example/?a=b&c>x`:                         {`<a href=`, `>x`},
		`<a href="https://shop.example/" href="https://two.example/">x`: {`<a href="`, `" href="https://two.example/">x`},
		`<a =x title=">" href="https://shop.example/">x`:                {`<a =x title=">" href="`, `">x`},
	} {
		got := string(instrument(t, o, before).HTML)
		if !strings.HasPrefix(got, parts[0]+endpoint+"/c/") || !strings.HasSuffix(got, parts[1]) || strings.Contains(got, "shop.example/?") {
			t.Errorf("%q\nbecame %q", before, got)
		}
	}
}

func TestHeadersAndPlaces(t *testing.T) {
	o := optionsFor(newRing(t))
	o.MayOpen, o.MayClick, o.UnsubscribeMail = false, false, "leave@shop.example"
	got := instrument(t, o, `<a href="kunji:unsubscribe">x</a> <a href='KUNJI:choices'>y</a>`)
	if string(got.HTML) != `<a href="`+got.Unsubscribe+`">x</a> <a href='`+got.Choices+`'>y</a>` {
		t.Errorf("places: %s", got.HTML)
	}
	want := []Header{
		{"List-Unsubscribe", "<" + got.Unsubscribe + ">, <mailto:leave@shop.example>"},
		{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"},
	}
	if len(got.Headers) != 2 || got.Headers[0] != want[0] || got.Headers[1] != want[1] {
		t.Errorf("headers %v, want %v", got.Headers, want)
	}
	for use, address := range map[identity.Use]string{identity.Unsubscribe: got.Unsubscribe, identity.MailChoices: got.Choices} {
		l := opened(t, o.Ring, use, map[identity.Use]string{identity.Unsubscribe: "/u/", identity.MailChoices: "/m/"}[use], address)
		if l.Recipient != 4711 || l.Ref != "r-1" || l.List != "spring" {
			t.Errorf("%s carries %+v", use, l)
		}
	}
}

func TestTrap(t *testing.T) {
	o := optionsFor(newRing(t))
	o.Trap, o.MayOpen = true, false
	got := string(instrument(t, o, "<body>x</body>").HTML)
	_, rest, _ := strings.Cut(got, `href="`)
	address, _, _ := strings.Cut(rest, `"`)
	if l := opened(t, o.Ring, identity.Click, "/c/", address); !l.Trap || l.Destination != endpoint+"/policy/shop" {
		t.Errorf("the trap is %+v in %s", l, got)
	}
}

func TestEndpointBelowAPath(t *testing.T) {
	o := optionsFor(newRing(t))
	o.Endpoint, o.Endpoints, o.MayOpen = "https://www.shop.example/kj/", []string{"https://t.shop.example"}, false
	for href, want := range map[string]Decision{
		"https://www.shop.example/kj/choices/shop": LeftOwn,
		"https://www.shop.example/kj":              LeftOwn,
		"https://t.shop.example/x":                 LeftOwn,
		"https://www.shop.example/kjx":             Tracked,
		"https://www.shop.example/":                Tracked,
	} {
		got := instrument(t, o, `<a href="`+href+`">`)
		if got.Links[0].Decision != want {
			t.Errorf("%s: %v, want %v", href, got.Links[0].Decision, want)
		}
		if want == Tracked && !strings.HasPrefix(string(got.HTML), `<a href="https://www.shop.example/kj/c/`) {
			t.Errorf("%s: %s", href, got.HTML)
		}
	}
}

func TestInstrumentRefuses(t *testing.T) {
	ring := newRing(t)
	for name, change := range map[string]func(*Options){
		"no ring":           func(o *Options) { o.Ring = nil },
		"no recipient":      func(o *Options) { o.Recipient = 0 },
		"no site":           func(o *Options) { o.Site = "" },
		"no endpoint":       func(o *Options) { o.Endpoint = "" },
		"a bad endpoint":    func(o *Options) { o.Endpoints = []string{"ftp://x"} },
		"a long ref":        func(o *Options) { o.Ref = strings.Repeat("x", 256) },
		"a header injected": func(o *Options) { o.UnsubscribeMail = "a@b>\r\nBcc: x" },
	} {
		o := optionsFor(ring)
		change(&o)
		if got, err := Instrument(o, []byte("x")); err == nil || got.HTML != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
