package site

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// told is an incident's file: its front matter, and five parts.
func told(front ...string) *fstest.MapFile {
	lines := append([]string{"---"}, front...)
	lines = append(lines, "---", "Foreword.", "## A", "a", "", "## B", "b", "### below", "## C", "```", "## no heading", "```", "## D", "d", "## E", "e")
	return file(lines...)
}

var days = []string{"title: Readable for two days", "from: 2026-11-02", "to: 2026-11-03", "until: 2027-02-28"}

// TestPolicy_7_4_FiveParts reads incidents in several languages.
func TestPolicy_7_4_FiveParts(t *testing.T) {
	list, err := LoadIncidents(fstest.MapFS{
		"leak.en.md":    told(days...),
		"leak.zh-CN.md": told("title: 泄露", "from: 2026-11-02", "to: 2026-11-03", "until: 2027-02-28"),
		"old.de.md":     told("title: Alt", "from: 2025-01-01", "to: 2025-01-01", "until: 2025-06-30"),
		"README.md":     file("left alone"),
		"draft.txt":     file("left alone"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].ID != "leak" || list[1].ID != "old" {
		t.Fatalf("got %+v", list)
	}
	for lang, want := range map[string]string{"en": "en", "zh-CN": "zh-CN", "zh-TW": "zh-CN", "fr": "en", "en-GB": "en"} {
		if got := list[0].Text(lang).Language; got != want {
			t.Errorf("%s reads %s, want %s", lang, got, want)
		}
	}
	if got := list[1].Text("fr"); got.Title != "Alt" {
		t.Errorf("without English fr reads %q", got.Title)
	}
	if !strings.HasPrefix(string(list[0].Texts["en"].Markdown), "Foreword.\n## A\n") {
		t.Errorf("body %q", list[0].Texts["en"].Markdown)
	}
}

// TestPolicy_7_4_ToldUntilItsEnd: to the end of its last day in the site's zone.
func TestPolicy_7_4_ToldUntilItsEnd(t *testing.T) {
	list, err := LoadIncidents(fstest.MapFS{"leak.en.md": told(days...)})
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("UTC+8", 8*3600)
	s := &Site{Incidents: list, Zone: zone}
	end := time.Date(2027, 3, 1, 0, 0, 0, 0, zone)
	if n := len(s.Told(end.Add(-time.Second))); n != 1 {
		t.Errorf("a second before the end: %d told", n)
	}
	if n := len(s.Told(end)); n != 0 {
		t.Errorf("at the end: %d told", n)
	}
}

func TestLoadIncidentsWithoutFiles(t *testing.T) {
	for _, folder := range []fstest.MapFS{nil, {}, {"README.md": file("x")}} {
		if list, err := LoadIncidents(folder); err != nil || len(list) != 0 {
			t.Errorf("%v: got %v, %v", folder, list, err)
		}
	}
	if list, err := LoadIncidents(nil); err != nil || list != nil {
		t.Errorf("nil: got %v, %v", list, err)
	}
}

func TestLoadIncidentsFaults(t *testing.T) {
	f := func(name string, content *fstest.MapFile, want ...string) {
		t.Helper()
		_, err := LoadIncidents(fstest.MapFS{name: content})
		if err == nil {
			t.Errorf("%s: accepted", name)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: got %v, want %q", name, err, w)
			}
		}
		var p *PolicyError
		if !errors.As(err, &p) || p.Line < 1 || p.Column < 1 {
			t.Errorf("%s: no place in %v", name, err)
		}
	}
	with := func(front []string, body ...string) *fstest.MapFile {
		return file(append(append(append([]string{"---"}, front...), "---"), body...)...)
	}
	set := func(i int, line string) []string {
		front := append([]string{}, days...)
		front[i] = line
		return front
	}
	f("Leak.md", told(days...), "Leak.md:1:1: is not named <id>.<language>.md")
	f("leak.xx-invalid.md", told(days...), `"xx-invalid" is not a language`)
	f("a.en.md", file("text"), "a.en.md:1:1: does not begin with a block")
	f("a.en.md", told(), "a.en.md:2:1: title: is missing", "a.en.md:2:1: until: is missing")
	f("a.en.md", told("from: ["), "a.en.md:2:", "is not YAML")
	f("a.en.md", told(set(0, "title: ")...), "title: is empty")
	f("a.en.md", told(set(0, "title: "+strings.Repeat("é", 121))...), "a.en.md:2:8: title: has 121 characters: at most 120")
	f("a.en.md", told(set(1, "from: soon")...), `a.en.md:3:7: from: "soon" is not a day`)
	f("a.en.md", told(set(2, "to: 2026-11-01")...), "a.en.md:4:5: to: is before from")
	f("a.en.md", told(set(3, "until: 2026-11-01")...), "a.en.md:5:8: until: is before to")
	f("a.en.md", told(append(days, "end: 2027-01-01")...), "a.en.md:6:1: end: unknown key: write title, from, to or until")
	f("a.en.md", with(days, "## A", "a"), "a.en.md:7:1: has 1 headings of level 2 instead of five: write ## for what happened, possible effects")
	f("a.en.md", with(days, "text"), "a.en.md:7:1: has 0 headings")
	f("a.en.md", with(days, "## A", "a", "## B", "## C", "c", "## D", "d", "## E", "e"), "a.en.md:9:1: possible effects: has no text below its heading")
	f("a.en.md", with(days, "## A", "a", "## B", "b", "## C", "c", "## D", "d", "## E"), "a.en.md:15:1: remedies: has no text")
	f("a.en.md", with(days, "## A", "a", "## B", "b", "## C", "c", "## D", "d", "## E", "e", "## F", "f"), "a.en.md:17:1: has 6 headings")
	f("a.en.md", with(days, "# T", "## A", "a", "## B", "b", "## C", "c", "## D", "d", "## E", "e"), "a.en.md:7:1: a heading of level 1")
	f("a.en.md", with(days, "## A", "a", "##", "b", "## C", "c", "## D", "d", "## E", "e"), "a.en.md:9:1: this heading is empty")
	f("a.en.md", with(days, "Sixth", "-----", "## A", "a", "## B", "b", "## C", "c", "## D", "d", "## E", "e"), "a.en.md:8:1: a line of = or - makes a heading")

	_, err := LoadIncidents(fstest.MapFS{"a.de.md": told(days...), "a.en.md": told(set(3, "until: 2027-03-01")...)})
	if err == nil || !strings.Contains(err.Error(), "a.en.md:5:8: until: 2027-03-01 differs from 2027-02-28 in a.de.md") {
		t.Errorf("two ends: %v", err)
	}
	_, err = LoadIncidents(fstest.MapFS{"a.zh-CN.md": told(days...), "a.zh-cn.md": told(days...)})
	if err == nil || !strings.Contains(err.Error(), "has a text in zh-CN already") {
		t.Errorf("one language twice: %v", err)
	}
}
