package identity

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// read reads headers and says of each of the site's cookies: absent, its
// value, or "no" where it must not be believed.
func read(site string, headers ...string) (got [NumCookies]string) {
	var j Jar
	for _, h := range headers {
		j.Read([]byte(h), site)
	}
	for c := range Cookie(NumCookies) {
		switch {
		case j.conflict[c]:
			got[c] = "no"
		case j.values[c] != nil:
			got[c] = string(j.values[c])
		}
		if j.Sent(c) != (got[c] != "") {
			panic("Sent contradicts what was read")
		}
	}
	return got
}

func TestJarRead(t *testing.T) {
	cases := []struct {
		name    string
		headers []string
		want    string // what was read of kj_vid_shop
	}{
		{"alone", []string{"kj_vid_shop=a.b"}, "a.b"},
		{"among others", []string{"_ga=GA1.2; kj_vid_shop=a.b; theme=dark"}, "a.b"},
		{"no space after the semicolon", []string{"x=1;kj_vid_shop=a"}, "a"},
		{"tabs and spaces before", []string{"x=1; \t  kj_vid_shop=a"}, "a"},
		{"at the end of a semicolon", []string{"kj_vid_shop=a;"}, "a"},
		{"empty pairs", []string{";; ;kj_vid_shop=a;;"}, "a"},
		{"all characters of a token", []string{"kj_vid_shop=aZ09-_.~:"}, "aZ09-_.~:"},
		{"in the second header", []string{"x=1", "kj_vid_shop=a"}, "a"},
		{"twice the same", []string{"kj_vid_shop=a; kj_vid_shop=a"}, "a"},
		{"twice the same, two headers", []string{"kj_vid_shop=a", "kj_vid_shop=a"}, "a"},
		{"twice, different", []string{"kj_vid_shop=a; kj_vid_shop=b"}, "no"},
		{"twice, different, two headers", []string{"kj_vid_shop=a", "kj_vid_shop=b"}, "no"},
		{"three times, first and last equal", []string{"kj_vid_shop=a; kj_vid_shop=b; kj_vid_shop=a"}, "no"},
		{"twice, one empty", []string{"kj_vid_shop=a; kj_vid_shop="}, "no"},
		{"twice, one malformed", []string{`kj_vid_shop="a"; kj_vid_shop=a`}, "no"},
		{"empty", []string{"kj_vid_shop="}, "no"},
		{"quoted", []string{`kj_vid_shop="a"`}, "no"},
		{"a space in it", []string{"kj_vid_shop=a b"}, "no"},
		{"a space after it", []string{"kj_vid_shop=a ; x=1"}, "no"},
		{"a space before it", []string{"kj_vid_shop= a"}, "no"},
		{"a second equals sign", []string{"kj_vid_shop=a=b"}, "no"},
		{"a comma", []string{"kj_vid_shop=a,kj_vid_shop=b"}, "no"},
		{"percent-encoded", []string{"kj_vid_shop=%61"}, "no"},
		{"a control character", []string{"kj_vid_shop=a\x00"}, "no"},
		{"not ASCII", []string{"kj_vid_shop=ä"}, "no"},
		{"as long as allowed", []string{"kj_vid_shop=" + strings.Repeat("a", maxCookie)}, strings.Repeat("a", maxCookie)},
		{"oversized", []string{"kj_vid_shop=" + strings.Repeat("a", maxCookie+1)}, "no"},
		{"no equals sign", []string{"kj_vid_shop"}, ""},
		{"a space in the name", []string{"kj_vid_shop =a"}, ""},
		{"another case", []string{"KJ_vid_shop=a; kj_VID_shop=a; kj_vid_SHOP=a"}, ""},
		{"another site", []string{"kj_vid_shop2=a; kj_vid_sho=b; kj_vid_=c; kj_vid_blog=d"}, ""},
		{"a longer name", []string{"xkj_vid_shop=a; kj_vid_shopx=b; kj_vid__shop=c"}, ""},
		{"not one of the five", []string{"kj_foo_shop=a; kj_=b; kj=c"}, ""},
		{"its name as a value", []string{"x=kj_vid_shop=a; y=kj_vid_shop"}, ""},
		{"its name within quotes", []string{`x="y, kj_vid_shop=a"`}, ""},
		{"nothing", []string{""}, ""},
		{"no header", nil, ""},
	}
	for _, c := range cases {
		got := read("shop", c.headers...)
		if got[VisitorJar] != c.want {
			t.Errorf("%s: read %.40q, want %.40q", c.name, got[VisitorJar], c.want)
		}
		got[VisitorJar] = ""
		if got != ([NumCookies]string{}) {
			t.Errorf("%s: another cookie was read: %q", c.name, got)
		}
	}
}

func TestJarKeepsTheFiveApart(t *testing.T) {
	got := read("shop", "kj_consent_shop=1; kj_vid_shop=2; kj_ses_shop=3; kj_src_shop=4; kj_store_shop=5")
	if got != [NumCookies]string{"1", "2", "3", "4", "5"} {
		t.Errorf("read %q", got)
	}
	for c := range Cookie(NumCookies) {
		if want := strings.Split("kj_consent_ kj_vid_ kj_ses_ kj_src_ kj_store_", " ")[c] + "shop"; c.Name("shop") != want {
			t.Errorf("name %q, want %q", c.Name("shop"), want)
		}
	}
	var j Jar
	j.Read([]byte("kj_vid_shop=a; kj_ses_shop=a; kj_ses_shop=b"), "shop")
	j.Clear()
	if j.Sent(VisitorJar) || j.Sent(SessionJar) {
		t.Error("Clear left something")
	}
}

// TestPolicy_6_1_OnlyOwnCookiesAreRead: whatever other cookies come along,
// what is read is the same.
func TestPolicy_6_1_OnlyOwnCookiesAreRead(t *testing.T) {
	foreign := rapid.StringMatching(`[A-Za-z0-9_!#$%&'*+.^|~-]{0,12}=?[^;]{0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		own := rapid.SliceOfN(rapid.SampledFrom([]string{
			"kj_consent_shop=1", "kj_vid_shop=2", "kj_vid_shop=3", "kj_ses_shop=", "kj_src_shop=\"4\"", "kj_store_shop=5",
		}), 0, 6).Draw(t, "own")
		mixed := []string{}
		for _, pair := range own {
			mixed = append(mixed, rapid.SliceOfN(foreign, 0, 3).Draw(t, "before")...)
			mixed = append(mixed, pair)
		}
		mixed = append(mixed, rapid.SliceOfN(foreign, 0, 3).Draw(t, "after")...)
		if got, want := read("shop", strings.Join(mixed, "; ")), read("shop", strings.Join(own, "; ")); got != want {
			t.Fatalf("among %q\n got %q\nwant %q", mixed, got, want)
		}
	})
}

func TestJarOpen(t *testing.T) {
	ring := newRing(t)
	signed := func(use Use, payload string) string { return string(ring.Sign(use, nil, []byte(payload))) }
	own := "kj_vid_shop=" + signed(VisitorCookie, "shop~1")
	cases := []struct {
		name, header string
		want         string // the payload; "" not sent
		err          error
	}{
		{"not sent", "x=1", "", nil},
		{"sent", own, "shop~1", nil},
		{"twice the same", own + "; " + own, "shop~1", nil},
		{"two valid ones", own + "; kj_vid_shop=" + signed(VisitorCookie, "shop~2"), "", ErrSignature},
		{"beside a forged one", own + "; kj_vid_shop=x", "", ErrSignature},
		{"forged", own[:len(own)-1], "", ErrSignature},
		{"of another use", "kj_vid_shop=" + signed(SessionCookie, "shop~1"), "", ErrSignature},
		{"of another ring", "kj_vid_shop=" + string(newRing(t).Sign(VisitorCookie, nil, []byte("shop~1"))), "", ErrSignature},
		{"a page's own", "kj_vid_shop=1", "", ErrSignature},
	}
	for _, c := range cases {
		var j Jar
		j.Read([]byte(c.header), "shop")
		got, err := j.Open(ring, VisitorJar)
		if string(got) != c.want || !errors.Is(err, c.err) || (got == nil) != (c.want == "") {
			t.Errorf("%s: %q, %v; want %q, %v", c.name, got, err, c.want, c.err)
		}
	}
}

// TestCookieAttributes is the contract's cookie table.
func TestCookieAttributes(t *testing.T) {
	ring := newRing(t)
	https := Scope{Domain: "shop.example", Path: "/kj", Secure: true}
	plain := Scope{Path: "/"}
	const day = 86400
	cases := []struct {
		cookie Cookie
		maxAge int
		scope  Scope
		want   string // after the value
	}{
		{ConsentJar, 180 * day, https, "; Max-Age=15552000; Path=/; Domain=shop.example; SameSite=Lax; Secure"},
		{ConsentJar, 180 * day, plain, "; Max-Age=15552000; Path=/; SameSite=Lax"},
		{VisitorJar, 180 * day, https, "; Max-Age=15552000; Path=/kj; HttpOnly; SameSite=Lax; Secure"},
		{VisitorJar, 180 * day, plain, "; Max-Age=15552000; Path=/; HttpOnly; SameSite=Lax"},
		{SessionJar, int(SessionGap.Seconds()), https, "; Max-Age=1800; Path=/kj; HttpOnly; SameSite=Lax; Secure"},
		{SourceJar, int(SourceLifetime.Seconds()), https, "; Max-Age=7776000; Path=/kj; HttpOnly; SameSite=Lax; Secure"},
		{StoreJar, 180 * day, https, "; Max-Age=15552000; Path=/kj; HttpOnly; SameSite=Lax; Secure"},
	}
	for _, c := range cases {
		line := string(ring.AppendCookie(nil, c.cookie, "shop", []byte("shop~1"), c.maxAge, c.scope))
		pair, attributes, _ := strings.Cut(line, ";")
		if ";"+attributes != c.want {
			t.Errorf("%s\n got ;%s\nwant %s", c.cookie.Name("shop"), attributes, c.want)
		}
		var j Jar
		j.Read([]byte(pair), "shop")
		if got, err := j.Open(ring, c.cookie); string(got) != "shop~1" || err != nil {
			t.Errorf("%s does not come back: %q, %v", pair, got, err)
		}
		cleared := string(AppendClear(nil, c.cookie, "shop", c.scope))
		want := c.cookie.Name("shop") + "=; Max-Age=0" + c.want[strings.Index(c.want, "; Path"):]
		if cleared != want {
			t.Errorf("clear\n got %s\nwant %s", cleared, want)
		}
	}
}

func FuzzJarRead(f *testing.F) {
	for _, seed := range []string{"kj_vid_shop=a; kj_vid_shop=b", "kj_consent_shop=1~shop; _ga=x", ";=;kj_=;kj_src_shop", "kj_store_shop=\"x\""} {
		f.Add([]byte(seed), "shop")
	}
	f.Add([]byte("kj_vid_=a"), "")
	f.Fuzz(func(t *testing.T, header []byte, site string) {
		whole := bytes.Clone(header)
		var j Jar
		j.Read(header, site)
		if !bytes.Equal(whole, header) {
			t.Error("Read changed the header")
		}
		for c, v := range j.values {
			if v != nil && (!wellFormed(v) || !bytes.Contains(header, []byte(Cookie(c).Name(site)+"="+string(v)))) {
				t.Errorf("%q is no value of %s in %q", v, Cookie(c).Name(site), header)
			}
		}
	})
}

func BenchmarkJarRead(b *testing.B) {
	ring := newRing(b)
	header := []byte("_ga=GA1.2.1234567890.1234567890; _fbp=fb.1.1596403881668.1116446470; theme=dark")
	for c, payload := range []string{"1~shop~p1g_a1g_m1g~~1~~20781~AQAAAAAAAAAAAAAAAAAAAA", "shop~3w5e11264sgsf", "shop~3w5e11264sgsf~1795512600", "shop~Z29vZ2xlH2NwYx8", "shop~e30"} {
		header = append(append(header, "; "...), Cookie(c).Name("shop")+"="...)
		header = ring.Sign(cookieUses[c], header, []byte(payload))
	}
	b.ReportAllocs()
	for b.Loop() {
		var j Jar
		j.Read(header, "shop")
		for c := range Cookie(NumCookies) {
			if _, err := j.Open(ring, c); err != nil {
				b.Fatal(err)
			}
		}
	}
}
