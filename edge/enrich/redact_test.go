package enrich

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Nothing irrelevant is collected: clause 7.2.
func TestPolicy_7_2_RedactTakesOutWhatNamesAPerson(t *testing.T) {
	cases := []struct{ in, want string }{
		{"/u/ann@example.org/settings", "/u/:redacted/settings"},
		{"/u/ann%40example.org", "/u/:redacted"},
		{"/u/ann%2540example.org", "/u/:redacted"},
		{"/u/ann%252540example.org", "/u/:redacted"},
		{"ann+news@example.org", ":redacted"},
		{"to ann@example.org today", "to :redacted today"},
		{"mail=ann@example.org&x=1", "mail=:redacted&x=1"},
		{"mailto:ann@example.org", ":redacted"},
		{"ann＠example.org", ":redacted"},
		{"张三@例子.中国", ":redacted"},
		{"o'brien@example.org", ":redacted"},
		{"/from/203.0.113.7/x", "/from/:redacted/x"},
		{"from 203.0.113.7:8080", "from :redacted:8080"},
		{"ip203.0.113.7", "ip:redacted"},
		{"203.0.113.7deadbeef1234567", ":redacted"},
		{"Za%550e8400-e29b-41d4-a716-446655440000", ":redacted:redacted"},
		{"203%2E0%2E113%2E7", ":redacted"},
		{"/v6/2001:db8::1", "/v6/:redacted"},
		{"[2001:db8::1]:443", "[:redacted]:443"},
		{"2001%3Adb8%3A%3A1", ":redacted"},
		{"ip:2001:db8::1.", "ip::redacted."},
		{"::ffff:203.0.113.7", ":redacted"},
		{"fe80::1%25eth0", ":redacted%25eth0"},
		{"device 00:1A:2b:3C:4d:5E", "device :redacted"},
		{"/order/1234567", "/order/:redacted"},
		{"/order/A1234567-b", "/order/:redacted-b"},
		{"tel+8613812345678", "tel+:redacted"},
		{"/p/%31%32%33%34%35%36%37", "/p/:redacted"},
		{"/doc/20261124", "/doc/:redacted"},
		{"/s/9f86d081884c7d65", "/s/:redacted"},
		{"/s/9F86D081884C7D659A2FEAA0C55AD015", "/s/:redacted"},
		{"/x/550e8400-e29b-41d4-a716-446655440000/y", "/x/:redacted/y"},
		{"id-550e8400-e29b-41d4-a716-446655440000.html", "id-:redacted.html"},
		{"{550E8400-E29B-41D4-A716-446655440000}", "{:redacted}"},
		{"/r/dGhpc0lzQVRva2VuMQ4x", "/r/:redacted"},
		{"/r/aB3-xY9_kQ2mN7pL-4vT8w", "/r/:redacted"},
		{"/r/cjld2cjxh0000qzrmn831i7rn", "/r/:redacted"},
		{"/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x", "/reset/:redacted.:redacted.x"},
		{"促销-ann@example.org", ":redacted"},
		{"%E4%BF%83%E9%94%80/13812345678", "%E4%BF%83%E9%94%80/:redacted"},
		{"a@b.c/d@e.f", ":redacted/:redacted"},
		{strings.Repeat("x", 2000), ":redacted"},
	}
	for _, c := range cases {
		if got := Redact(c.in); got != c.want {
			t.Errorf("Redact(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// ordinary holds paths, campaigns and terms that marketers and shops really use.
var ordinary = []string{
	"", "/", "/index.html", "/a/b/c.html", "summer-sale-2026", "summer_sale_2026", "SUMMER_SALE_2026",
	"iphone-15-pro-max-256gb", "iPhone-15-Pro-Max-256GB-Review-2026", "iPhone_15_Pro_Max_256GB",
	"/blog/how-to-choose-a-marketing-platform", "/blog/2026/11/24/black-friday", "2026-11-24", "2026/11/24",
	"/products/galaxy-s25-ultra-512gb-titanium-black", "/de/produkte/waschmaschinen-und-trockner",
	"SummerSale2026NewCustomers", "BlackFridayCyberMonday2026", "HowToChooseAMarketingPlatform",
	"newsletter_2026-11_kw48", "google_search_brand_de_exact", "fb|prospecting|lookalike|1pct", "cpc_2026_q4_v2",
	"/@kunji/video", "@kunji", "100% cotton", "50%off", "50%25 off", "C++ programming", "what is 5g?",
	"双十一大促", "/商品/手机/华为-mate-70", "%E5%8F%8C%E5%8D%81%E4%B8%80%E5%A4%A7%E4%BF%83", "黑五促销2026",
	"新年快乐，恭喜发财", "/новости/осень-2026", "/カメラ/ミラーレス一眼", "عروض-الصيف", "café-crème-brûlée",
	"/v1.2.3/docs", "chrome-120.0.6099.71", "version 10.15.7", "1.2.3", "go1.26", "/node/18.20.4",
	"/shop/shoes?size=42", "/sku/AB-1234", "SKU-123456", "/item/123456", "model-x100v-2024-edition",
	"12:30:45", "ratio 16:9", "std::vector", "Foo::Bar", "utm:source:medium", "10:00-18:00", "a:b",
	"supercalifragilisticexpialidocious", "internationalization-and-localization", "donaudampfschifffahrtsgesellschaft",
	"/category/women/dresses/midi-dresses/", "retargeting_cart-abandoners_30d", "ab-test-variant-b",
	"facade-decade-cafe-bead", "/wiki/Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
	"IMG_2026_1124.jpg", "logo.min.css", "top10laptops2026", "windows11proupgrade", ":redacted", "/a/:redacted/b",
	"123-456", "4k-uhd-hdr10-120hz-smart-tv-55-inch", "rtx5090-vs-rx9070xt-benchmark", "3-for-2", "24-7-support",
}

func TestRedactLeavesOrdinaryNames(t *testing.T) {
	for _, s := range ordinary {
		if got := Redact(s); got != s {
			t.Errorf("Redact(%q) = %q, want it unchanged", s, got)
		}
	}
}

func TestRedactDoesNotAllocateForOrdinaryNames(t *testing.T) {
	for _, s := range ordinary {
		if n := testing.AllocsPerRun(20, func() { Redact(s) }); n != 0 {
			t.Errorf("Redact(%q) allocates %v times", s, n)
		}
	}
}

func TestRedactIsIdempotent(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"/", "-", "_", ".", ":", "::", "@", "%", "%40", "%25", "%2540", " ", "+", "a", "f", "Z", "0", "1.2.3.4",
		"1234567", "2001:db8", "deadbeef", "redacted", ":redacted", "例", "＠", "example.org", "550e8400-e29b-41d4-a716-446655440000",
	})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(piece, 0, 24).Draw(t, "pieces"), "")
		once := Redact(s)
		if twice := Redact(once); twice != once {
			t.Fatalf("Redact(%q) = %q, again %q", s, once, twice)
		}
	})
}

func TestRedactLeavesNoMailAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[a-zA-Z0-9._+-]{1,20}`).Draw(t, "local")
		domain := rapid.StringMatching(`[a-z0-9-]{1,20}\.[a-z]{2,6}`).Draw(t, "domain")
		at := rapid.SampledFrom([]string{"@", "%40", "%2540", "%252540", "＠"}).Draw(t, "at")
		before := rapid.StringMatching(`[a-z/ ?=-]{0,20}[/ ?=]`).Draw(t, "before")
		after := rapid.StringMatching(`[/ &;][a-z/ ?=-]{0,20}`).Draw(t, "after")
		got := Redact(before + local + at + domain + after)
		if want := before + Redacted + after; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func FuzzRedact(f *testing.F) {
	for _, s := range ordinary {
		f.Add(s)
	}
	f.Add("/u/ann%2540example.org/203.0.113.7")
	f.Fuzz(func(t *testing.T, s string) {
		once := Redact(s)
		if twice := Redact(once); twice != once {
			t.Fatalf("Redact(%q) = %q, again %q", s, once, twice)
		}
		if capped := redactCapped(s, 64); len(capped) > 64 {
			t.Fatalf("redactCapped(%q, 64) has %d bytes", s, len(capped))
		}
	})
}

func BenchmarkRedactOrdinaryPath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Redact("/blog/how-to-choose-a-marketing-platform")
	}
}

func BenchmarkRedactChinesePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Redact("/%E5%8F%8C%E5%8D%81%E4%B8%80%E5%A4%A7%E4%BF%83/%E6%89%8B%E6%9C%BA")
	}
}
