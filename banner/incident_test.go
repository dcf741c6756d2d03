package banner

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_7_4_NoteIsALazyPart: the script of a site with an incident names
// the part that tells of it, in the reader's language and until its last day
// has ended; other sites load nothing for it.
func TestPolicy_7_4_NoteIsALazyPart(t *testing.T) {
	a, s := assets(t), everything()
	find := func(id string) (*site.Site, bool) { return s, id == s.ID }
	name := a.note(s, "de").name
	if !bytes.Contains(a.Script(View{Site: s, Language: "de"}).Body, []byte(`"note":"`+name+`"`)) {
		t.Errorf("the script does not name %s", name)
	}
	f, ok := a.Part(name, find)
	if !ok || !f.Immutable {
		t.Fatalf("Part(%s): found %v", name, ok)
	}
	for _, want := range []string{
		"Mail addresses were readable for two days", `"lang":"en"`, `"dismiss":"Schließen"`,
		`"until":1803859200000`, // 2027-03-01T00:00:00Z
	} {
		if !bytes.Contains(f.Body, []byte(want)) {
			t.Errorf("the part lacks %s", want)
		}
	}
	if bytes.Contains(a.Script(View{Site: shop(), Language: "de"}).Body, []byte(`"note":`)) {
		t.Error("a site without an incident names a note")
	}
}

// TestPolicy_7_4_PagesTell on choices, rights and policy pages, without the
// text's own HTML.
func TestPolicy_7_4_PagesTell(t *testing.T) {
	a, s := assets(t), everything()
	told := s.Told(time.Date(2027, 2, 28, 23, 59, 59, 0, time.UTC))
	for name, render := range map[string]func(*bytes.Buffer) error{
		"choices": func(b *bytes.Buffer) error {
			return a.RenderChoices(b, ChoicesView{Site: s, Lang: "en", Incidents: told})
		},
		"kept": func(b *bytes.Buffer) error { return a.RenderKept(b, KeptView{Site: s, Lang: "en", Incidents: told}) },
		"policy": func(b *bytes.Buffer) error {
			_, err := a.RenderPolicy(b, PolicyView{Site: s, Lang: "en", Incidents: told})
			return err
		},
	} {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			t.Fatal(name, err)
		}
		page := b.String()
		if !strings.Contains(page, `id="incident-2026-11-leak"`) || !strings.Contains(page, "<h2>What happened</h2>") || strings.Contains(page, "<b>") {
			t.Errorf("%s: %s", name, page)
		}
	}
}

// TestIncidentHeadings: five different ones in every language.
func TestIncidentHeadings(t *testing.T) {
	for tag := range assets(t).words {
		headings, err := IncidentHeadings(tag)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, h := range headings {
			seen[h] = true
		}
		if len(seen) != site.IncidentParts || seen[""] {
			t.Errorf("%s: %q", tag, headings)
		}
	}
}

// TestLongTransferTextsStayOutOfTheScript: a site's own words about leaving the
// region weigh on the preferences alone.
func TestLongTransferTextsStayOutOfTheScript(t *testing.T) {
	a, s := assets(t), everything()
	s.CrossBorder = map[string]site.Transfer{"en": {Recipient: "Recipient of the transfer", Risks: strings.Repeat("risk ", 1000)}}
	if bytes.Contains(a.Script(View{Site: s, Language: "en"}).Body, []byte("Recipient of the transfer")) {
		t.Error("the text is in the script")
	}
	if !strings.Contains(a.dialog(s, "en").body, "Recipient of the transfer") || !strings.Contains(a.Notice(s, "en").Text, "Recipient of the transfer") {
		t.Error("the text is not in the preferences, or not in the notice")
	}
}
