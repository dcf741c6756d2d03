package mail

import (
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/identity"
)

// decisions are addresses as they stand in an href, what is decided, and
// where a tracked one leads apart from its UTM tags.
var decisions = []struct {
	href     string
	decision Decision
	leads    string
}{
	{"https://shop.example/offers", Tracked, "https://shop.example/offers?" + tags},
	{"https://shop.example", Tracked, "https://shop.example?" + tags},
	{"HTTP://Shop.Example/A", Tracked, "http://Shop.Example/A?" + tags},
	{"https://shop.example/?a=1&amp;b=2", Tracked, "https://shop.example/?a=1&b=2&" + tags},
	{"https://shop.example/?a=1&b=2", Tracked, "https://shop.example/?a=1&b=2&" + tags},
	{"https://shop.example/?a=1&copy=2", Tracked, "https://shop.example/?a=1&copy=2&" + tags},
	{"https://shop.example/?a=1&", Tracked, "https://shop.example/?a=1&" + tags},
	{"https://shop.example/?", Tracked, "https://shop.example/?" + tags},
	{"https://shop.example/a#top", Tracked, "https://shop.example/a?" + tags + "#top"},
	{"https://shop.example/#/route?x=1", Tracked, "https://shop.example/?" + tags + "#/route?x=1"},
	{"https&colon;//shop.example/&num;top", Tracked, "https://shop.example/?" + tags + "#top"},
	{" https://shop.example/a&#10;b ", Tracked, "https://shop.example/ab?" + tags},
	{"https://shop.example/a b|c", Tracked, "https://shop.example/a%20b%7Cc?" + tags},
	{"https://shop.example/gr\u00fcn", Tracked, "https://shop.example/gr%C3%BCn?" + tags},
	{"https://m\u00fcnchen.example:8443/", Tracked, "https://xn--mnchen-3ya.example:8443/?" + tags},
	{"https://shop.example/50%25", Tracked, "https://shop.example/50%25?" + tags},
	{"https://[2001:db8::1]/x", Tracked, "https://[2001:db8::1]/x?" + tags},
	{"https://shop.example/?utm_source=a&amp;x=1", Tracked, "https://shop.example/?utm_source=a&x=1"},
	{"https://shop.example/?x=1&amp;UTM_Campaign=a", Tracked, "https://shop.example/?x=1&UTM_Campaign=a"},
	{"https://shop.example/#utm_source=a", Tracked, "https://shop.example/#utm_source=a"},
	{"https://shop.example/?not_utm_source=a", Tracked, "https://shop.example/?not_utm_source=a&" + tags},
	{"https://t.shop.example.evil.example/", Tracked, "https://t.shop.example.evil.example/?" + tags},
	{"https://notcdn.example/x", Tracked, "https://notcdn.example/x?" + tags},
	{"", LeftEmpty, ""},
	{"  ", LeftEmpty, ""},
	{"#", LeftFragment, ""},
	{"#top", LeftFragment, ""},
	{"/offers", LeftRelative, ""},
	{"offers.html", LeftRelative, ""},
	{"//shop.example/", LeftRelative, ""},
	{"?a=b:c", LeftRelative, ""},
	{"mailto:anna@shop.example", LeftScheme, ""},
	{"tel:+861012345678", LeftScheme, ""},
	{"sms:10086", LeftScheme, ""},
	{"JavaScript:alert(1)", LeftScheme, ""},
	{"java&#9;script:alert(1)", LeftScheme, ""},
	{"data:text/html,x", LeftScheme, ""},
	{"blob:https://shop.example/x", LeftScheme, ""},
	{"file:///etc/passwd", LeftScheme, ""},
	{"https:shop.example", LeftScheme, ""},
	{"{{ url }}", LeftTemplate, ""},
	{"https://shop.example/{{ id }}", LeftTemplate, ""},
	{"https://shop.example/{$id}", LeftTemplate, ""},
	{"https://shop.example/%7B%7Bid%7D%7D", LeftTemplate, ""},
	{"*|ARCHIVE|*", LeftTemplate, ""},
	{"https://shop.example/?u=*|UNIQID|*", LeftTemplate, ""},
	{"%unsubscribe_url%", LeftTemplate, ""},
	{"https://shop.example/%recipient.id%", LeftTemplate, ""},
	{"https://shop.example/<%= id %>", LeftTemplate, ""},
	{"[[weblink]]", LeftTemplate, ""},
	{"https://t.shop.example/choices/shop", LeftOwn, ""},
	{"https://T.SHOP.example", LeftOwn, ""},
	{"https://shop.example/unsubscribe?id=1", LeftUnsubscribe, ""},
	{"https://shop.example/email/Preferences", LeftUnsubscribe, ""},
	{"https://shop.example/opt-out", LeftUnsubscribe, ""},
	{"https://x.list-manage.com/profile?u=1", LeftUnsubscribe, ""},
	{"https://cdn.example/x", LeftExcluded, ""},
	{"https://a.CDN.example/x", LeftExcluded, ""},
	{"https://signed.example/?signature=1", LeftExcluded, ""},
	{"https://anna:pw@shop.example/", LeftInvalid, ""},
	{"https://", LeftInvalid, ""},
	{"https:///path", LeftInvalid, ""},
	{`https://shop.example\@evil.example/`, LeftInvalid, ""},
	{"https://shop.example:port/", LeftInvalid, ""},
	{"https://shop.example/\xff", LeftInvalid, ""},
	{"https://-\u00fc.example/", LeftInvalid, ""},
}

func TestDecisions(t *testing.T) {
	ring := newRing(t)
	for _, element := range []string{"a", "area"} {
		for _, c := range decisions {
			before := "<p>x <" + element + ` class=b href="` + c.href + `" id='c'>`
			o := optionsFor(ring)
			o.MayOpen = false
			got := instrument(t, o, before)
			if len(got.Links) != 1 || got.Links[0].Decision != c.decision {
				t.Errorf("%q: %v, want %v", c.href, got.Links, c.decision)
				continue
			}
			if c.decision != Tracked {
				if string(got.HTML) != before {
					t.Errorf("%q: changed to %s", c.href, got.HTML)
				}
				continue
			}
			_, rest, _ := strings.Cut(string(got.HTML), `href="`)
			address, rest, _ := strings.Cut(rest, `"`)
			l := opened(t, ring, identity.Click, "/c/", address)
			if l.Destination != c.leads || l.Recipient != 4711 || l.Campaign != o.Campaign || l.Site != "shop" || !l.Sent.Equal(sentAt) || l.Ref != "" {
				t.Errorf("%q leads to %+v, want %s", c.href, l, c.leads)
			}
			if rest != ` id='c'>` {
				t.Errorf("%q: the rest of the tag became %s", c.href, rest)
			}
		}
	}
}
