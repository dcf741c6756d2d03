package enrich

import (
	"net/netip"
	"net/url"
	"testing"
)

// TestNamedSource: a click on a signed link and the visit behind it stand in one
// row of the reports.
func TestNamedSource(t *testing.T) {
	for _, names := range [][6]string{
		{"newsletter", "email", "autumn", "", "", ""},
		{"Google", "CPC", "Autumn Sale", "banner 2", "tea+cups", "7"},
		{"baidu", "", "", "", "", ""},
		{"", "", "only a name", "", "", ""},
		{"", "", "", "", "", ""},
		{"x", "y", "anna@example.org", "100%41", "13800138000", "&=;"},
	} {
		utm := url.Values{}
		for i, name := range []string{"source", "medium", "campaign", "content", "term", "id"} {
			if names[i] != "" {
				utm.Set("utm_"+name, names[i])
			}
		}
		want := ParseSource("https://shop.example/?"+utm.Encode(), "", nil)
		if got := NamedSource(names[0], names[1], names[2], names[3], names[4], names[5]); got != want {
			t.Errorf("%q\n got %+v\nwant %+v", names, got, want)
		}
	}
}

func TestClassifyKeepsTheAddress(t *testing.T) {
	class := func(a netip.Addr) uint8 {
		if a == netip.MustParseAddr("192.0.2.7") {
			return 2
		}
		return 1
	}
	for text, want := range map[string]uint8{"192.0.2.7": 2, "::ffff:192.0.2.7": 2, "2001:db8::1": 1} {
		if got := AddressFrom(netip.MustParseAddr(text)).Classify(class); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
	if got := (Address{}).Classify(class); got != 0 {
		t.Errorf("no address is %d", got)
	}
}
