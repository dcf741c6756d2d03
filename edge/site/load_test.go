package site

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sound is a site without faults; each test spoils a copy.
func sound() *Site {
	return &Site{
		ID:              "shop",
		Domains:         []string{"shop.example"},
		Endpoints:       endpoints("https://www.shop.example/kj"),
		Controller:      Controller{"Demo Ltd", "1 Road", "privacy@shop.example", "the authority"},
		Region:          "eu",
		Purposes:        []PurposeUse{{Analytics, 1}, {Marketing, 2}},
		Services:        []Service{{ID: "a", Purpose: Analytics, Country: "DE", Cookies: []string{"_a*"}}},
		ConsentLifetime: 180 * 24 * time.Hour,
		EventProps:      map[string][]string{"search": {"query"}},
		Banner:          Banner{Layout: Bar, Languages: []string{"en", "de"}},
		Policy:          FirstPolicy(),
	}
}

func endpoints(texts ...string) []*url.URL {
	var out []*url.URL
	for _, text := range texts {
		u, err := ParseEndpoint(text)
		if err != nil {
			panic(err)
		}
		out = append(out, u)
	}
	return out
}

func TestFaults(t *testing.T) {
	f := func(spoil func(*Site), want ...string) {
		t.Helper()
		s := sound()
		spoil(s)
		var got []string
		for _, fault := range s.Faults() {
			got = append(got, fault.Path)
			if len(fault.Message) < 10 {
				t.Errorf("%s: message %q says too little", fault.Path, fault.Message)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("faults at %v, want %v", got, want)
		}
	}
	texts := Transfer{"a", "b", "c", "d", "e"}
	f(func(*Site) {})
	f(func(s *Site) { s.Domains = append(s.Domains, "shop.example") }, "domains[1]")
	f(func(s *Site) { s.Domains[0] = "co.uk" }, "domains[0]")
	f(func(s *Site) { s.Domains[0] = "github.io" }, "domains[0]")
	f(func(s *Site) { s.Domains = []string{"localhost", "127.0.0.1", "::1", "intranet"} })
	f(func(s *Site) { s.Endpoints = endpoints("https://a.example", "https://a.example/") }, "endpoints[1]")
	f(func(s *Site) { s.Endpoints = endpoints("https://a.example/kj", "https://a.example/kj/x") }, "endpoints[1]")
	f(func(s *Site) { s.Endpoints = endpoints("https://a.example/kj/x", "https://a.example") }, "endpoints[1]")
	f(func(s *Site) {
		s.Endpoints = endpoints("https://a.example/kj", "https://a.example/kjx", "http://a.example/kj")
	})
	f(func(s *Site) { s.Purposes = append(s.Purposes, PurposeUse{Necessary, 1}) }, "purposes[2]")
	f(func(s *Site) { s.Purposes = append(s.Purposes, PurposeUse{MailOpen, 1}) }, "purposes[2]")
	f(func(s *Site) { s.Purposes = append(s.Purposes, PurposeUse{Analytics, 2}) }, "purposes[2]")
	f(func(s *Site) { s.Purposes[0].Version = 0 }, "purposes[0].version")
	f(func(s *Site) { s.Services = append(s.Services, s.Services[0]) }, "services[1].id")
	f(func(s *Site) { s.Services[0].Purpose = Preferences }, "services[0].purpose")
	f(func(s *Site) { s.Services[0].Purpose = Necessary })
	f(func(s *Site) { s.Services[0].Cookies = []string{"_a", "kj_vid_shop", "*"} }, "services[0].cookies[1]", "services[0].cookies[2]")
	f(func(s *Site) { s.Purposes = append(s.Purposes, PurposeUse{CrossBorder, 1}) }, "cross_border", "cross_border")
	f(func(s *Site) {
		s.Purposes = append(s.Purposes, PurposeUse{CrossBorder, 1})
		s.CrossBorder = map[string]Transfer{"en": texts, "de": {Recipient: "a"}}
	}, "cross_border.de")
	f(func(s *Site) {
		s.Purposes = append(s.Purposes, PurposeUse{CrossBorder, 1})
		s.CrossBorder = map[string]Transfer{"en": texts, "de": texts}
	})
	f(func(s *Site) { s.Banner.Layout = Modal }, "banner.layout")
	f(func(s *Site) { s.Banner.Layout, s.Banner.Reason = Modal, " " }, "banner.layout")
	f(func(s *Site) { s.Banner.Layout, s.Banner.Reason = Modal, "The map needs it." })
	f(func(s *Site) { s.Banner.Reason = "The map needs it." }, "banner.reason")
	f(func(s *Site) { s.Banner.Languages = []string{"en", "en"} }, "banner.languages[1]")
	f(func(s *Site) { s.ConsentLifetime = 401 * 24 * time.Hour }, "consent_lifetime")
	f(func(s *Site) { s.ConsentLifetime = time.Hour }, "consent_lifetime")
	f(func(s *Site) { s.EventProps["search"] = strings.Split("a b c d e f g h i", " ") }, "event_props.search")
}

func TestWarnings(t *testing.T) {
	f := func(change func(*Site), want ...string) {
		t.Helper()
		s := sound()
		change(s)
		var got []string
		for _, w := range s.Warnings() {
			got = append(got, w.Path)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("warnings at %v, want %v", got, want)
		}
	}
	f(func(*Site) {})
	f(func(s *Site) { s.Domains = append(s.Domains, "other.example") }, "domains[1]")
	f(func(s *Site) { s.Endpoints = endpoints("https://t.shop.example") }, "domains[0]")
	f(func(s *Site) { s.Endpoints = endpoints("https://shop.example/kj") })
	f(func(s *Site) { s.Domains = []string{"localhost", "127.0.0.1"} })
	// Two shops below a public suffix are strangers to each other.
	f(func(s *Site) { s.Domains, s.Endpoints = []string{"a.co.uk"}, endpoints("https://b.co.uk/kj") }, "domains[0]")
	f(func(s *Site) { s.Controller.Complaints = "" }, "controller")
	f(func(s *Site) { s.Minors = Minors{Ask: true, Age: 12} }, "minors.age")
	f(func(s *Site) { s.Minors = Minors{Ask: true, Age: 14} })
	f(func(s *Site) { s.Services[0].Country = "US" }, "services[0].country")
	f(func(s *Site) {
		s.Services[0].Country = "US"
		s.Purposes = append(s.Purposes, PurposeUse{CrossBorder, 1})
	})
	f(func(s *Site) {
		s.Policy = &Policy{Versions: []PolicyVersion{{Number: 3, Texts: map[string]PolicyText{"en": {}}}}}
	}, "policy_dir")
}

func TestAbroad(t *testing.T) {
	f := func(region, country string, want bool) {
		t.Helper()
		if got := Abroad(region, country); got != want {
			t.Errorf("Abroad(%q, %q) = %v", region, country, got)
		}
	}
	f("cn", "CN", false)
	f("cn", "US", true)
	f("CN-north", "CN", false)
	f("cn", "HK", true)
	f("eu", "DE", false)
	f("eu-west", "NO", false)
	f("de", "FR", false)
	f("eea", "IS", false)
	f("eu", "CH", true)
	f("us-east", "US", false)
	f("office", "US", false) // names no country
	f("", "US", false)
	f("cn", "", false)
}

func TestParseHost(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, err := ParseHost(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	f("shop.example", "shop.example")
	f("Shop.Example.", "shop.example")
	f("bücher.example", "xn--bcher-kva.example")
	f("商店.中国", "xn--czrs0t.xn--fiqs8s")
	f("localhost", "localhost")
	f("127.0.0.1", "127.0.0.1")
	f("[::1]", "::1")
	f("2001:DB8::1", "2001:db8::1")
	for _, bad := range []string{
		"", ".", "*.shop.example", "https://shop.example", "shop.example/x", "shop.example:80", "a b", "a..b",
		".a", "a_b.example", "-a.example", "xn--\xff", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 130) + "a",
	} {
		f(bad, "")
	}
}

func TestParseEndpoint(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, err := ParseEndpoint(text)
		if err != nil {
			if want != "" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if got.String() != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	f("https://T.Shop.example/", "https://t.shop.example")
	f("https://www.shop.example/kj/", "https://www.shop.example/kj")
	f("https://shop.example:443", "https://shop.example")
	f("http://shop.example:443", "http://shop.example:443")
	f("http://127.0.0.1:8080", "http://127.0.0.1:8080")
	f("http://[::1]:8080/a", "http://[::1]:8080/a")
	for _, bad := range []string{
		"", "shop.example", "//shop.example", "ftp://shop.example", "https:shop.example", "https://", "https://u:p@shop.example",
		"https://shop.example?a", "https://shop.example?", "https://shop.example#", "https://shop.example/a/../b",
		"https://shop.example/a//b", "https://shop.example/a b", "https://shop.example/%2561", "https://shop.example/a;b", "https://a_b.example",
	} {
		f(bad, "")
	}
}
