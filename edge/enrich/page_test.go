package enrich

import (
	"strings"
	"testing"
	"unsafe"
)

// The page is kept without query string and fragment: clauses 2.2.2.2 and 7.2.
func TestPolicy_7_2_PageWithoutQuery(t *testing.T) {
	cases := []struct{ in, host, path string }{
		{"https://www.Shop.Example/a/b?q=1#c", "www.shop.example", "/a/b"},
		{"HTTP://shop.example", "shop.example", "/"},
		{"https://shop.example?x=1", "shop.example", "/"},
		{"https://shop.example#x?y", "shop.example", "/"},
		{"https://shop.example:8443/a", "shop.example", "/a"},
		{"https://shop.example./a", "shop.example", "/a"},
		{"https://user:secret@shop.example/a", "shop.example", "/a"},
		{"https://a@b@shop.example/", "shop.example", "/"},
		{"http://[2001:db8::1]:80/a", "[2001:db8::1]", "/a"},
		{"http://127.0.0.1:9090/a", "127.0.0.1", "/a"},
		{"https://xn--fiqs8s.example/%E5%95%86%E5%93%81", "xn--fiqs8s.example", "/%E5%95%86%E5%93%81"},
		{"https://shop.example/u/ann@example.org/orders/12345678", "shop.example", "/u/:redacted/orders/:redacted"},
		{"https://shop.example/a\x00b\nc", "shop.example", "/abc"},
		{"https://shop.example/\xff\xfe", "shop.example", "/"},
		{"https://shop.example\\@evil.example/", "shop.example", "\\@evil.example/"},
		{"", "", ""},
		{"/a", "", ""},
		{"//shop.example/a", "", ""},
		{"ftp://shop.example/", "", ""},
		{"javascript:alert(1)", "", ""},
		{"https://", "", ""},
		{"https:///a", "", ""},
		{"https://shop example/", "", ""},
		{"https://shop.example:port/", "", ""},
		{"https://[::1/", "", ""},
		{"https://[x]/", "", ""},
		{"https://[fe80::1%25eth0]/", "", ""},
		{"https://" + strings.Repeat("a", 254) + "/", "", ""},
	}
	for _, c := range cases {
		if got := ParsePage(c.in); got.Host != c.host || got.Path != c.path {
			t.Errorf("ParsePage(%q) = %q %q, want %q %q", c.in, got.Host, got.Path, c.host, c.path)
		}
	}
}

func TestParsePageCapsThePath(t *testing.T) {
	got := ParsePage("https://shop.example/" + strings.Repeat("商品/", 1000))
	if len(got.Path) > maxPath || len(got.Path) < maxPath-2 || !strings.HasPrefix(got.Path, "/商品/") {
		t.Errorf("%d bytes: %q", len(got.Path), got.Path)
	}
	// The @ stands behind the cap of the path, its mail address begins before it.
	got = ParsePage("https://shop.example" + strings.Repeat("/a", 252) + "/ann.long.name@example.org")
	if strings.Contains(got.Path, "ann") {
		t.Errorf("half an address is left: %q", got.Path)
	}
	// Nor does it show when the words before it shrink.
	got = ParsePage("https://shop.example" + strings.Repeat("/9999999999999999999999", 33) + "/ann@example.org")
	if strings.Contains(got.Path, "ann") {
		t.Errorf("half an address is left: %q", got.Path)
	}
}

func TestNothingParsedIsASliceOfTheInput(t *testing.T) {
	buffer := []byte("https://www.shop.example/path?utm_source=google&utm_campaign=summer https://www.news.example/x zh-CN")
	parts := strings.Split(unsafe.String(unsafe.SliceData(buffer), len(buffer)), " ")
	page, source, language := ParsePage(parts[0]), ParseSource(parts[0], parts[1], nil), Language(parts[2])
	app := ParseSource("", "android-app://com.example.app/", nil)
	for i := range buffer {
		buffer[i] = 'X'
	}
	want := Source{Source: "google", Medium: "organic", Campaign: "summer", ReferrerHost: "www.news.example", Channel: ChannelOrganicSearch}
	if page != (Page{"www.shop.example", "/path"}) || source != want || language != "zh-CN" || app.ReferrerHost != "com.example.app" {
		t.Errorf("the input shines through: %+v %+v %q %+v", page, source, language, app)
	}
}

func TestLanguage(t *testing.T) {
	cases := []struct{ in, want string }{
		{"", ""},
		{"*", ""},
		{"zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"},
		{"en", "en"},
		{"EN-us", "en-US"},
		{"zh-hans-cn", "zh-Hans-CN"},
		{"zh-Hant-TW;q=0.5, de;q=0.7", "de"},
		{"de;q=0, fr;q=0.1", "fr"},
		{"en;q=0.8,de;q=0.8", "en"},
		{"es-419", "es-419"},
		{"yue-Hant-HK", "yue-Hant-HK"},
		{"de-CH-1996", "de-CH"},
		{"de-1996", "de"},
		{"en-US-u-ca-buddhist", "en-US"},
		{"sl-rozaj", "sl"},
		{"x-klingon", ""},
		{"i-navajo", ""},
		{"e", ""},
		{"english", ""},
		{"en_US", ""},
		{"12", ""},
		{"zh;q=high, en;q=0.1", "en"},
		{"en;q=1.0000", ""},
		{"en ; q=0.5", "en"},
		{" fr-FR , en", "fr-FR"},
		{"en;Q=0.3", "en"},
		{"en;q=2", ""},
		{strings.Repeat("*,", 20) + "en", ""},
		{"日本語", ""},
		{"ja-JP\x00", "ja"},
	}
	for _, c := range cases {
		if got := Language(c.in); got != c.want {
			t.Errorf("Language(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add("zh-Hant-TW;q=0.5, de;q=0.7")
	f.Fuzz(func(t *testing.T, s string) {
		got := Language(s)
		if len(got) > len("yue-Hant-419") || Language(got) != got {
			t.Fatalf("Language(%q) = %q", s, got)
		}
	})
}

func BenchmarkParsePage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParsePage("https://www.shop.example/products/running-shoes?color=red")
	}
}

func BenchmarkLanguage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Language("zh-CN,zh;q=0.9,en;q=0.8")
	}
}
