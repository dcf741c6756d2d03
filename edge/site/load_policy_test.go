package site

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func file(lines ...string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(strings.Join(lines, "\n") + "\n")}
}

// TestPolicy_9_VersionsAndReasons reads three versions in two languages.
func TestPolicy_9_VersionsAndReasons(t *testing.T) {
	p, err := LoadPolicy(fstest.MapFS{
		"10.en.md":        file("---", "date: 2026-05-01", "material: false", "---", "ten"),
		"2.en.md":         file("---", "date: 2025-05-01", "material: [risk, contact, risk]", "summary: |", "  We now", "  write.", "---", "", "two", "---", "more"),
		"2.zh-CN.md":      file("---", "# why", "material:", "  - contact", "  - risk", "date: \"2025-05-01\"", "summary: 新版", "---", "二"),
		"1.en.md":         {Data: []byte("\ufeff---\r\ndate: 2024-01-01\r\nmaterial: false\r\n---\r\none\r\n")},
		"README.md":       file("not a policy"),
		"image.png":       file("left alone"),
		"old/9.en.md":     file("left alone"),
		"3.en.md.bak":     file("left alone"),
		"incident.en.txt": file("left alone"),
	})
	if err != nil {
		t.Fatal(err)
	}
	date := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := &Policy{Versions: []PolicyVersion{
		{1, date("2024-01-01"), nil, map[string]PolicyText{"en": {"en", date("2024-01-01"), "", []byte("one\n")}}},
		{2, date("2025-05-01"), []Material{MaterialContact, MaterialRisk}, map[string]PolicyText{
			"en":    {"en", date("2025-05-01"), "We now\nwrite.", []byte("\ntwo\n---\nmore\n")},
			"zh-CN": {"zh-CN", date("2025-05-01"), "新版", []byte("二\n")},
		}},
		{10, date("2026-05-01"), nil, map[string]PolicyText{"en": {"en", date("2026-05-01"), "", []byte("ten\n")}}},
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got\n%+v, want\n%+v", p, want)
	}
	if p.Current().Number != 10 || p.AskedSince() != 2 {
		t.Errorf("current %d, asked since %d", p.Current().Number, p.AskedSince())
	}
}

func TestLoadPolicyWithoutFiles(t *testing.T) {
	for _, folder := range []fstest.MapFS{nil, {}, {"README.md": file("x")}} {
		p, err := LoadPolicy(folder)
		if err != nil || !reflect.DeepEqual(p, FirstPolicy()) {
			t.Errorf("%v: got %v, %v", folder, p, err)
		}
	}
	if p, err := LoadPolicy(nil); err != nil || p.Current().Number != 1 {
		t.Errorf("nil: got %v, %v", p, err)
	}
}

func TestLoadPolicyFaults(t *testing.T) {
	f := func(name string, content *fstest.MapFile, want ...string) {
		t.Helper()
		_, err := LoadPolicy(fstest.MapFS{name: content})
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
	good := file("---", "date: 2026-01-01", "material: false", "---", "text")
	f("policy.md", good, "policy.md:1:1: is not named <version>.<language>.md")
	f("0.en.md", good, "0.en.md:1:1: version 0: versions count from 1")
	f("1.xx-invalid.md", good, `"xx-invalid" is not a language`)
	f("1.en.md", file("text"), "1.en.md:1:1: does not begin with a block")
	f("1.en.md", file("---", "date: 2026-01-01"), "1.en.md:1:1: does not begin with a block")
	f("1.en.md", file("---", "---", "text"), "1.en.md:2:1: date: is missing", "1.en.md:2:1: material: is missing")
	f("1.en.md", file("---", "- a", "---", "text"), "1.en.md:2:1: is not YAML between the two ---: write keys and values")
	f("1.en.md", file("---", "date: [", "---", "text"), "1.en.md:2:")
	f("1.en.md", file("---", "date: 1.5.2026", "material: false", "---", "text"), `1.en.md:2:7: date: "1.5.2026" is not a day: write one such as 2026-05-01`)
	f("1.en.md", file("---", "date: 2026-01-01", "material: true", "---", "text"), `1.en.md:3:11: material: "true" says nothing: write false, or a list of service`)
	f("1.en.md", file("---", "date: 2026-01-01", "material: []", "---", "text"), "1.en.md:3:11: material: ")
	f("1.en.md", file("---", "date: 2026-01-01", "material: [owner]", "---", "text"), `material: "owner" is not a reason`)
	f("1.en.md", file("---", "date: 2026-01-01", "material: [risk]", "---", "text"), "1.en.md:3:11: summary: is missing")
	f("1.en.md", file("---", "date: 2026-01-01", "material: false", "lang: en", "---", "text"), "1.en.md:4:1: lang: unknown key: write date, material or summary")
	f("1.en.md", file("---", "date: 2026-01-01", "material: false", "summary: "+strings.Repeat("é", 501), "---", "text"), "1.en.md:4:10: summary: has 501 characters: at most 500")
	f("1.en.md", file("---", "date: 2026-01-01", "material: false", "---", " "), "1.en.md:1:1: has no text")
	f("1.en.md", &fstest.MapFile{Data: make([]byte, maxPolicyBytes+1)}, "1.en.md:1:1: is larger than 1 MiB")
}

func TestLoadPolicyAcrossFiles(t *testing.T) {
	f := func(folder fstest.MapFS, want string) {
		t.Helper()
		if _, err := LoadPolicy(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	good := file("---", "date: 2026-01-01", "material: false", "---", "text")
	f(fstest.MapFS{"1.de.md": good, "1.en.md": file("---", "date: 2026-01-02", "material: false", "---", "text")},
		"1.en.md:2:7: date: 2026-01-02 differs from 2026-01-01 in 1.de.md")
	f(fstest.MapFS{"1.de.md": good, "1.en.md": file("---", "date: 2026-01-01", "material: [risk]", "summary: s", "---", "text")},
		"1.en.md:3:11: material: differs from that in 1.de.md")
	f(fstest.MapFS{"1.en.md": good, "2.en.md": file("---", "date: 2025-12-31", "material: false", "---", "text")},
		"2.en.md:1:1: date: version 2 (2025-12-31) is older than version 1 (2026-01-01)")
	f(fstest.MapFS{"1.zh-CN.md": good, "1.zh-cn.md": good}, "version 1 has a text in zh-CN already")
	f(fstest.MapFS{"1.en.md": good, "01.en.md": good}, "version 1 has a text in en already")
}

// FuzzLoadPolicy wants an answer to every file.
func FuzzLoadPolicy(f *testing.F) {
	f.Add([]byte("---\ndate: 2026-01-01\nmaterial: [risk]\nsummary: x\n---\ntext\n"))
	f.Add([]byte("---\n? [\n---\n"))
	f.Add([]byte("---\n&a *a: *a\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := LoadPolicy(fstest.MapFS{"1.en.md": {Data: data}})
		if err == nil && len(p.Current().Texts["en"].Markdown) == 0 {
			t.Error("accepted without a text")
		}
	})
}
