package banner

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/site"
)

func TestNoticeIsDeterministic(t *testing.T) {
	one, two := assets(t).Notice(everything(), "en"), assets(t).Notice(everything(), "en")
	if one != two {
		t.Errorf("two loads gave two notices:\n%s\n%s", one.Text, two.Text)
	}
	if one.Hash != sha256.Sum256([]byte(one.Text)) {
		t.Error("the hash is not the text's")
	}
}

// TestNoticeHoldsWhatIsShown: each sentence of the script's first layer, under
// both regimes, is in the notice.
func TestNoticeHoldsWhatIsShown(t *testing.T) {
	a := assets(t)
	s := everything()
	s.Regimes["US"] = site.OptOut
	for _, lang := range []string{"en", "zh-CN"} {
		text := a.Notice(s, lang).Text
		for _, regime := range []site.Regime{site.OptIn, site.OptOut} {
			shown := encode(a.firstLayer(s, lang, regime))
			if !strings.Contains(text, string(shown)) {
				t.Errorf("%s, %v: the notice lacks %s", lang, regime, shown)
			}
		}
		for _, said := range []string{"Demo Ltd", "Google LLC", "_ga_*", "Example Cloud Inc", "standard contract"} {
			if !strings.Contains(text, said) {
				t.Errorf("%s: the notice lacks %q", lang, said)
			}
		}
	}
}

func TestNoticeVersionChangesWithTheWording(t *testing.T) {
	a := assets(t)
	before := a.Notice(shop(), "en").Version
	for name, change := range map[string]func(*site.Site){
		"controller": func(s *site.Site) { s.Controller.Name = "Other Ltd" },
		"service":    func(s *site.Site) { s.Services[0].Retention = "2 years" },
		"purpose":    func(s *site.Site) { s.Purposes = s.Purposes[:2] },
	} {
		s := shop()
		change(s)
		if a.Notice(s, "en").Version == before {
			t.Errorf("%s changed, the notice's version did not", name)
		}
	}
	if v := a.Notice(shop(), "zh-CN").Version; v != before {
		t.Errorf("one site's version is %s in English and %s in Chinese", before, v)
	}
}
