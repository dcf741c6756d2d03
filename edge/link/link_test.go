package link

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestMake(t *testing.T) {
	ring, err := identity.NewRing(time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	shop := &site.Site{ID: "shop", Domains: []string{"shop.example"}, Endpoints: []*url.URL{parsed(t, "https://www.shop.example/kj/")}}
	spring := event.Campaign{Source: "News", Medium: "CPC", Name: "Spring sale"}
	// want begins with the field that is wrong, or is where the click leads.
	f := func(destination string, c event.Campaign, want string) {
		t.Helper()
		made, err := Make(ring, Wanted{Site: shop, Destination: destination, Campaign: c})
		if err != nil {
			var wrong *FieldError
			if !errors.As(err, &wrong) || wrong.Fix == "" || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", destination, err, want)
			}
			return
		}
		token, ours := strings.CutPrefix(made.Address, "https://www.shop.example/kj/c/")
		l, err := ring.OpenLink(identity.Click, token)
		if !ours || err != nil || l.Destination != want || made.Destination != want {
			t.Errorf("%s: %q leads to %q, %v, want %q", destination, made.Address, l.Destination, err, want)
		}
		// The click and the visit that follows name one campaign.
		visit := enrich.ParseSource(l.Destination, "", nil)
		if visit.Source != l.Campaign.Source || visit.Medium != l.Campaign.Medium || visit.Campaign != l.Campaign.Name || l.Recipient != 0 {
			t.Errorf("%s: the visit is of %+v, the click of %+v", destination, visit, l.Campaign)
		}
	}
	const tags = "utm_source=news&utm_medium=cpc&utm_campaign=Spring+sale"
	f("https://shop.example", spring, "https://shop.example?"+tags)
	f("https://shop.example/a?b=1#c", spring, "https://shop.example/a?b=1&"+tags+"#c")
	f(" https://shop.example/ ", spring, "https://shop.example/?"+tags)
	f("https://shop.example/?"+tags, spring, "https://shop.example/?"+tags)
	f("https://shop.example/?utm_source=other", spring, "url: its visits would count for another campaign")
	f("https://shop.example/?"+tags+"&utm_content=b", spring, "url: its visits would count for another campaign")
	f("/offers", spring, "url: a destination begins with http")
	f("javascript:alert(1)", spring, "url: a destination")
	f("https://user:secret@shop.example/", spring, "url: a destination begins with http")
	f("https://shop.example/\r\nSet-Cookie:a=b", spring, "url: a destination cannot hold")
	f("", spring, "url: ")
	f("https://WWW.shop.example/kj/c/abc", spring, "url: is itself a link of the edge")
	f("https://shop.example/"+strings.Repeat("a", 1960), spring, "url: is too long with its UTM tags")
	f("https://shop.example/", event.Campaign{Medium: "cpc", Name: "a"}, "source: is missing")
	f("https://shop.example/", event.Campaign{Source: "a", Name: "a"}, "medium: is missing")
	f("https://shop.example/", event.Campaign{Source: "a", Medium: "cpc", Name: " "}, "campaign: is missing")
	f("https://shop.example/", event.Campaign{Source: "a", Medium: "cpc", Name: "anna@example.org"}, "campaign: looks like")
	f("https://shop.example/", event.Campaign{Source: "a", Medium: "cpc", Name: "b", Term: strings.Repeat("ab ", 60)}, "term: has 1")

	elsewhere, err := Make(ring, Wanted{Site: shop, Destination: "https://apps.example/shop", Campaign: spring})
	if err != nil || elsewhere.Own {
		t.Errorf("another site's page: %+v, %v", elsewhere, err)
	}
	seen, err := Make(ring, Wanted{Site: shop, Impression: true, Campaign: spring, Test: true})
	token := strings.TrimSuffix(strings.TrimPrefix(seen.Address, "https://www.shop.example/kj/i/"), ".gif")
	if l, bad := ring.OpenLink(identity.Impression, token); err != nil || bad != nil || l.Campaign.Name != "Spring sale" || !l.Test {
		t.Errorf("an impression: %+v, %v, %v", seen, err, bad)
	}
	if _, err := Make(ring, Wanted{Site: shop, Impression: true, Destination: "https://shop.example/", Campaign: spring}); err == nil {
		t.Error("an impression with a destination is made")
	}
	if _, err := Make(ring, Wanted{Site: &site.Site{ID: "bare"}, Impression: true, Campaign: spring}); err == nil {
		t.Error("a site without an endpoint gets a link")
	}
}
