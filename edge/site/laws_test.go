package site

import (
	"regexp"
	"slices"
	"testing"

	"golang.org/x/text/language"
)

func allLaws() []Law {
	var all []Law
	for _, country := range eea {
		law, _ := LawOf(country)
		all = append(all, law)
	}
	return append(append(all, world...), unitedStates...)
}

func TestLawsAreWellFormed(t *testing.T) {
	place := regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,3})?$`)
	article := regexp.MustCompile(`[0-9]`)
	seen := map[string]bool{}
	for _, law := range allLaws() {
		if !place.MatchString(law.Place) || seen[law.Place] {
			t.Errorf("%q: not a place, or there twice", law.Place)
		}
		seen[law.Place] = true
		if region, err := language.ParseRegion(law.Place[:2]); err != nil || !region.IsCountry() || region.Canonicalize() != region {
			t.Errorf("%q: not a country", law.Place)
		}
		if len(law.Source) < 10 || !article.MatchString(law.Source) {
			t.Errorf("%s: source %q names no article", law.Place, law.Source)
		}
	}
	if len(eea) != 30 {
		t.Errorf("%d countries in the EEA, want 27 and 3", len(eea))
	}
	for country := range transposed {
		if !slices.Contains(eea, country) {
			t.Errorf("%s transposes a directive that does not bind it", country)
		}
	}
}

func TestLawOf(t *testing.T) {
	f := func(place string, optOut, known bool) {
		t.Helper()
		law, ok := LawOf(place)
		if ok != known || law.OptOut != optOut {
			t.Errorf("%s: got %v, %v", place, law, ok)
		}
	}
	f("DE", false, true)
	f("FR-75", false, true) // a region without a row has its country's law
	f("NO", false, true)
	f("GB", false, true)
	f("CN", false, true)
	f("BR", false, true)
	f("KR", false, true)
	f("CH", true, true)
	f("JP", true, true)
	f("CA", true, true)
	f("CA-ON", true, true)
	f("CA-QC", false, true)
	f("US", true, true)
	f("US-CA", true, true)
	f("US-WY", true, true)
	f("FK", false, false)
	f("", false, false)
	f("default", false, false)
}

func TestStricterRegions(t *testing.T) {
	if got := StricterRegions("CA"); len(got) != 1 || got[0].Place != "CA-QC" {
		t.Errorf("CA: got %v", got)
	}
	if got := StricterRegions("US"); got != nil {
		t.Errorf("US: got %v", got)
	}
}
