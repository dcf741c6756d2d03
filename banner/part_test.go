package banner

import (
	"errors"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/kunjicloud/kunji/edge/site"
)

func TestPart(t *testing.T) {
	a, s := assets(t), shop()
	s.ID = "my.shop" // a dot must not confuse a part's name
	find := func(id string) (*site.Site, bool) { return s, id == s.ID }
	names := regexp.MustCompile(`"((?:dialog|placeholder)\.[^"]+\.js)"`).FindAllSubmatch(a.Script(View{Site: s, Language: "zh-CN"}).Body, -1)
	if len(names) != 2 {
		t.Fatalf("the script names %d parts, want 2", len(names))
	}
	given := []string{a.StylePart(), string(names[0][1]), string(names[1][1])}
	for _, name := range given {
		f, ok := a.Part(name, find)
		if !ok || !f.Immutable || len(f.Body) == 0 {
			t.Errorf("Part(%s): found %v", name, ok)
		}
	}
	stale, ok := a.Part("dialog.my.shop.en.AAAAAAAAAAAAAAAA.js", find)
	if !ok || stale.Immutable {
		t.Error("a part of before a reload must be served, and not as immutable")
	}
	for _, name := range []string{"", "x", "dialog.js", "dialog.other.en.AAAA.js", "dialog.my.shop.tlh.AAAA.js", "placeholder.tlh.AAAA.js", "loader-.js", "../doc.go"} {
		if _, ok := a.Part(name, find); ok {
			t.Errorf("Part(%q) was found", name)
		}
	}
}

func TestLoadSaysWhenNothingWasBuilt(t *testing.T) {
	empty := fstest.MapFS{"dist/.gitkeep": {}}
	if _, err := load(empty, wordFiles, pageFiles); !errors.Is(err, errNotBuilt) {
		t.Errorf("got %v, want %v", err, errNotBuilt)
	}
	broken := fstest.MapFS{"i18n/en.json": {Data: []byte("{")}}
	if _, err := load(distFiles, broken, pageFiles); err == nil {
		t.Error("a broken language file was loaded")
	}
	if _, err := load(distFiles, fstest.MapFS{"i18n/de.json": {Data: []byte("{}")}}, pageFiles); err == nil {
		t.Error("a missing fallback language was accepted")
	}
}
