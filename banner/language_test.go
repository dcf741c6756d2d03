package banner

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/kunjicloud/kunji/edge/site"
)

var slot = regexp.MustCompile(`\{\w+\}`)

// TestEveryLanguageSaysEverything: the same keys and the same slots as the
// English file, and nothing empty.
func TestEveryLanguageSaysEverything(t *testing.T) {
	a := assets(t)
	want := a.words[fallback]
	for tag, w := range a.words {
		if w.Meta.Name == "" || w.Meta.Dir != "ltr" && w.Meta.Dir != "rtl" {
			t.Errorf("%s: meta %+v: want a name, and ltr or rtl", tag, w.Meta)
		}
		for section, pair := range map[string][2]map[string]string{
			"banner": {want.Banner, w.Banner}, "dialog": {want.Dialog, w.Dialog},
			"placeholder": {want.Placeholder, w.Placeholder}, "pages": {want.Pages, w.Pages},
			"ended": {want.Ended, w.Ended},
		} {
			for key := range pair[1] {
				if _, ok := pair[0][key]; !ok {
					t.Errorf("%s: %s.%s: no such key in %s", tag, section, key, fallback)
				}
			}
			for key, english := range pair[0] {
				sentence := pair[1][key]
				if sentence == "" {
					t.Errorf("%s: %s.%s is missing", tag, section, key)
				}
				got, wanted := slot.FindAllString(sentence, -1), slot.FindAllString(english, -1)
				slices.Sort(got)
				slices.Sort(wanted)
				if !slices.Equal(got, wanted) {
					t.Errorf("%s: %s.%s has slots %v, want %v", tag, section, key, got, wanted)
				}
			}
		}
	}
}

// TestEqualTone: yes and no are labelled in words of their own, and neither
// button's label is much longer than the other's.
func TestEqualTone(t *testing.T) {
	for tag, w := range assets(t).words {
		yes, no := []rune(w.Banner["accept"]), []rune(w.Banner["reject"])
		if string(yes) == string(no) || len(yes) > 2*len(no) || len(no) > 2*len(yes) {
			t.Errorf("%s: accept %q, reject %q", tag, string(yes), string(no))
		}
	}
}

func TestReviewedLanguages(t *testing.T) {
	list, err := Languages()
	if err != nil {
		t.Fatal(err)
	}
	reviewed := map[string]bool{}
	for _, l := range list {
		if l.Reviewed {
			reviewed[l.Tag] = true
		}
	}
	if got := slices.Sorted(maps.Keys(reviewed)); !slices.Equal(got, []string{"en", "zh-CN"}) {
		t.Errorf("reviewed languages: %v", got)
	}
}

func TestLanguage(t *testing.T) {
	a := &Assets{words: map[string]*words{"en": {}, "zh-CN": {}, "zh-TW": {}, "de": {}, "pt": {}}}
	for _, c := range []struct{ explicit, header, want string }{
		{"", "", "zh-CN"},
		{"en", "zh-CN", "en"},
		{"xx", "de", "de"},
		{"", "de-AT,en;q=0.8", "de"},
		{"", "en;q=0.3, de;q=0.9", "de"},
		{"", "en;q=0, fr", "zh-CN"},
		{"", "zh", "zh-CN"},
		{"", "zh-Hant-HK", "zh-TW"},
		{"", "zh_TW", "zh-TW"},
		{"", "zh-SG", "zh-CN"},
		{"", "pt-BR", "pt"},
		{"", "*", "zh-CN"},
		{"", ";;;,,q=1,de;q=x", "zh-CN"},
		{"../../etc", "", "zh-CN"},
	} {
		s := &site.Site{Banner: site.Banner{Languages: []string{"zh-CN", "en", "zh-TW", "de", "pt", "tlh"}}}
		if got := a.Language(c.explicit, c.header, s); got != c.want {
			t.Errorf("Language(%q, %q) = %q, want %q", c.explicit, c.header, got, c.want)
		}
	}
	if got := a.Language("", "de", &site.Site{Banner: site.Banner{Languages: []string{"tlh"}}}); got != "en" {
		t.Errorf("a site that names no language spoken gets %q, want en", got)
	}
}
