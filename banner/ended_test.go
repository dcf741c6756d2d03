package banner

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_7_7_EndIsToldInEveryLanguage: who reads the banner in a language is
// told of the site's end in it, whole, and whom to ask.
func TestPolicy_7_7_EndIsToldInEveryLanguage(t *testing.T) {
	since := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	s := &site.Site{ID: "shop", Name: "Tea & Co"}
	texts, err := Ended(s, since)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Languages()
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != len(list) {
		t.Errorf("told in %d languages, the banner speaks %d", len(texts), len(list))
	}
	titles := map[string]string{}
	for _, l := range list {
		note := site.Incident{Texts: texts}
		got := note.Text(l.Tag)
		if got.Language != l.Tag || !strings.Contains(got.Title, s.Name) || bytes.Count(got.Markdown, []byte("\n## "))+1 != 5 ||
			!bytes.Contains(got.Markdown, []byte("2026-11-30")) || bytes.ContainsAny(got.Markdown, "{}") {
			t.Errorf("%s: %+v\n%s", l.Tag, got.Title, got.Markdown)
		}
		if other, same := titles[got.Title]; same {
			t.Errorf("%s and %s have the same title", l.Tag, other)
		}
		titles[got.Title] = l.Tag
	}
	s.Controller.Name, s.Controller.Email = "Anna Ltd", "privacy@shop.example"
	if texts, err = Ended(s, since); err != nil || !bytes.HasSuffix(texts["ga"].Markdown, []byte("\n\nAnna Ltd privacy@shop.example\n")) {
		t.Errorf("whom to ask: %s, %v", texts["ga"].Markdown, err)
	}
}
