package banner

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestBudget fails the build when loader, banner and one language together
// outgrow Budget: for the common site in every language, and for one that uses
// every feature in the reviewed languages and the two heaviest.
func TestBudget(t *testing.T) {
	a := assets(t)
	check := func(name string, s *site.Site, tags ...string) {
		worst, where := 0, ""
		for _, tag := range tags {
			f := newFile(a.compose(View{Site: s, Language: tag}), scriptType, false)
			if len(f.Brotli) > worst {
				worst, where = len(f.Brotli), tag
			}
		}
		t.Logf("%s: at most %d bytes brotli (%s)", name, worst, where)
		if worst > Budget {
			t.Errorf("%s in %s: %d bytes brotli, budget %d", name, where, worst, Budget)
		}
	}
	check("shop", shop(), slices.Sorted(maps.Keys(a.words))...)
	check("everything", everything(), "en", "zh-CN", "el", "bg")
}

func TestScriptCompressedFormsAreTheBody(t *testing.T) {
	f := assets(t).Script(View{Site: shop(), Language: "en"})
	br, err := io.ReadAll(brotli.NewReader(bytes.NewReader(f.Brotli)))
	if err != nil || !bytes.Equal(br, f.Body) {
		t.Errorf("brotli differs from the body: %v", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(f.Gzip))
	if err != nil {
		t.Fatal(err)
	}
	gz, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(gz, f.Body) {
		t.Errorf("gzip differs from the body: %v", err)
	}
}

func TestScriptIsComposedOncePerView(t *testing.T) {
	a, s := assets(t), shop()
	base := View{Site: s, Language: "en"}
	f := a.Script(base)
	if a.Script(base) != f {
		t.Error("the same view was composed twice")
	}
	seen := map[string]string{string(f.Body): "base"}
	for name, v := range map[string]View{
		"language": {Site: s, Language: "zh-CN"},
		"regime":   {Site: s, Language: "en", Regime: site.OptOut},
		"signal":   {Site: s, Language: "en", GPC: true},
		"away":     {Site: s, Language: "en", NodeRegion: "eu"},
	} {
		g := a.Script(v)
		if other, ok := seen[string(g.Body)]; ok || g.ETag == f.ETag {
			t.Errorf("the script of another %s is that of %s", name, other)
		}
		seen[string(g.Body)] = name
	}
	if a.Script(View{Site: s, Language: "en", NodeRegion: "CN"}) != f {
		t.Error("a node in the site's own region counts as away")
	}
}

func TestFeaturesAreCompiledIn(t *testing.T) {
	a := assets(t)
	small, large := a.Script(View{Site: shop(), Language: "en"}).Body, a.Script(View{Site: everything(), Language: "en"}).Body
	for _, mark := range []string{"ad_user_data", "sendBeacon=", `"legend"`, `.cross?.`} {
		if bytes.Contains(small, []byte(mark)) {
			t.Errorf("%s is in the script of a site that does not use it", mark)
		}
		if !bytes.Contains(large, []byte(mark)) {
			t.Errorf("%s is not in the script of a site that uses it", mark)
		}
	}
}

func TestNoDangerousSink(t *testing.T) {
	for name, text := range assets(t).dist {
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setAttribute(\"style\""} {
			if bytes.Contains([]byte(text), []byte(sink)) {
				t.Errorf("%s uses %s", name, sink)
			}
		}
	}
}

// TestPolicy_2_2_3_ThemeReachesAllButtonsAlike: a theme sets properties that
// every button reads, and nothing can leave its declaration.
func TestPolicy_2_2_3_ThemeReachesAllButtonsAlike(t *testing.T) {
	s := shop()
	s.Banner.Theme = map[string]string{
		"button_bg": "#123456", "radius": "2px",
		"accept_bg": "lime", "bg": "red} [data-kunji-action=reject]{display:none", "text": `url("https://evil.example/")`,
	}
	if got, want := theme(s), ":host{--kunji-button-bg:#123456;--kunji-radius:2px;}"; got != want {
		t.Errorf("theme = %s, want %s", got, want)
	}
	for name, css := range assets(t).dist {
		if bytes.Contains([]byte(css), []byte("data-kunji-action=")) && bytes.HasSuffix([]byte(name), []byte(".css")) {
			t.Errorf("%s styles one button alone", name)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c cache[int, int]
	for i := range 3 * limit {
		c.get(i, func() int { return i })
	}
	if len(c.items) != limit || len(c.order) != limit {
		t.Errorf("%d items, %d in order, want %d", len(c.items), len(c.order), limit)
	}
	if got := c.get(3*limit-1, func() int { return -1 }); got != 3*limit-1 {
		t.Errorf("the newest item was composed again: %d", got)
	}
}
