package banner

import (
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// Part answers GET /b/part/{name}, for the names that Script and the pages
// gave out: dialog.{site}.{lang}.{hash}.js, note.{site}.{lang}.{hash}.js,
// placeholder.{lang}.{hash}.js, pages.{hash}.css, and for clicks.js and spa.js,
// which tags ask for themselves. find finds a site by its id. A name whose hash is not the
// present content's (a page loaded just before a reload) gets the present
// content with Immutable false; an unknown name gets false.
//
// The scripts are loaded by import(), so the answer needs
// Access-Control-Allow-Origin: * wherever the edge is not the page's own origin.
func (a *Assets) Part(name string, find func(id string) (*site.Site, bool)) (*File, bool) {
	stem, script := strings.CutSuffix(name, ".js")
	fields := strings.Split(stem, ".")
	last := len(fields) - 1
	switch {
	case script && (fields[0] == "dialog" || fields[0] == "note") && last >= 3:
		lang := fields[last-1]
		s, ok := find(strings.Join(fields[1:last-1], "."))
		if !ok || a.words[lang] == nil {
			return nil, false
		}
		if fields[0] == "note" {
			return a.file(a.note(s, lang), name), true
		}
		return a.file(a.dialog(s, lang), name), true
	case script && fields[0] == "placeholder" && last == 2 && a.words[fields[1]] != nil:
		return a.file(a.placeholder(fields[1]), name), true
	case name == "clicks.js" || name == "spa.js":
		return a.file(part{name: stem, body: a.dist[name]}, name), true
	case fields[0] == "pages" && last == 2 && fields[2] == "css":
		return named(a.style, name == a.StylePart()), true
	}
	return nil, false
}

// part is a lazily loaded script, compressed only when asked for.
type part struct{ name, body string }

func (a *Assets) file(p part, name string) *File {
	f := a.files.get(fileKey{kind: p.name}, func() *File { return newFile([]byte(p.body), scriptType, true) })
	return named(f, name == p.name)
}

// named returns f, no longer immutable under a name that is not its own.
func named(f *File, own bool) *File {
	if own {
		return f
	}
	other := *f
	other.Immutable = false
	return &other
}

// StylePart is the name of the pages' style sheet, for GET /b/part/{name}.
func (a *Assets) StylePart() string { return "pages." + strings.Trim(a.style.ETag, `"`) + ".css" }

// dialogData is what the dialog's part begins with: src/dialog.ts' Data.
type dialogData struct {
	Text     map[string]string     `json:"text"`
	Services []Row                 `json:"services"`
	Transfer [][2]string           `json:"transfer"`
	Clear    map[string][][]string `json:"clear"` // service → cookies, storage keys
	Sheet    string                `json:"sheet"`
}

func (a *Assets) dialog(s *site.Site, lang string) part {
	return a.parts.get(fileKey{site: s, lang: lang}, func() part {
		data := dialogData{
			Text: a.dialogText(s, lang), Services: a.services(s, lang), Transfer: a.transferFacts(s, lang),
			Clear: map[string][][]string{}, Sheet: a.dist["dialog.css"],
		}
		for i := range s.Services {
			v := &s.Services[i]
			data.Clear[v.ID] = [][]string{v.Cookies, v.Storage}
		}
		body := "const $D=" + string(encode(data)) + ";" + a.dist["dialog.js"]
		return part{"dialog." + s.ID + "." + lang + "." + digest([]byte(body)) + ".js", body}
	})
}

// dialogText is the preferences' wording, without the texts of purposes that
// the site does not ask for.
func (a *Assets) dialogText(s *site.Site, lang string) map[string]string {
	text := map[string]string{}
	for key, sentence := range a.in(lang).Dialog {
		p, err := site.ParsePurpose(strings.TrimSuffix(key, "_text"))
		if _, asked := s.Uses(p); err != nil || asked || p == site.Necessary {
			text[key] = sentence
		}
	}
	return text
}

func (a *Assets) placeholder(lang string) part {
	return a.parts.get(fileKey{lang: lang}, func() part {
		w := a.in(lang)
		data := map[string]any{
			"dir": w.Meta.Dir, "lang": lang, "text": w.Placeholder, "error": w.Banner["error"], "sheet": a.dist["placeholder.css"],
			"purposes": map[string]string{
				"preferences": w.Dialog["preferences"], "analytics": w.Dialog["analytics"],
				"marketing": w.Dialog["marketing"], "cross_border": w.Dialog["cross_border"],
			},
		}
		body := "const $D=" + string(encode(data)) + ";" + a.dist["placeholder.js"]
		return part{"placeholder." + lang + "." + digest([]byte(body)) + ".js", body}
	})
}
