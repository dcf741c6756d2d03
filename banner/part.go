package banner

import (
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// Part answers GET /b/part/{name}, for the names that Script and the pages
// gave out: dialog.{site}.{lang}.{hash}.js, placeholder.{lang}.{hash}.js,
// pages.{hash}.css. find finds a site by its id. A name whose hash is not the
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
	case script && fields[0] == "dialog" && last >= 3:
		lang := fields[last-1]
		s, ok := find(strings.Join(fields[1:last-1], "."))
		if !ok || a.words[lang] == nil {
			return nil, false
		}
		present, f := a.dialog(s, lang)
		return named(f, name == present), true
	case script && fields[0] == "placeholder" && last == 2 && a.words[fields[1]] != nil:
		present, f := a.placeholder(fields[1])
		return named(f, name == present), true
	case fields[0] == "pages" && last == 2 && fields[2] == "css":
		return named(a.style, name == a.StylePart()), true
	}
	return nil, false
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

// hashOf is the digest inside an ETag.
func hashOf(f *File) string { return strings.Trim(f.ETag, `"`) }

// StylePart is the name of the pages' style sheet, for GET /b/part/{name}.
func (a *Assets) StylePart() string { return "pages." + hashOf(a.style) + ".css" }

// dialogData is what the dialog's part begins with: src/dialog.ts' Data.
type dialogData struct {
	Text     map[string]string     `json:"text"`
	First    firstLayer            `json:"first"`
	Services []Row                 `json:"services"`
	Clear    map[string][][]string `json:"clear"` // service → cookies, storage keys
	Sheet    string                `json:"sheet"`
}

func (a *Assets) dialog(s *site.Site, lang string) (name string, f *File) {
	f = a.files.get(fileKey{kind: "dialog", site: s, lang: lang}, func() *File {
		data := dialogData{
			Text: a.dialogText(s, lang), First: a.firstLayer(s, lang, site.OptIn), Services: a.services(s, lang),
			Clear: map[string][][]string{}, Sheet: a.dist["dialog.css"],
		}
		for i := range s.Services {
			v := &s.Services[i]
			data.Clear[v.ID] = [][]string{v.Cookies, v.Storage}
		}
		return newFile([]byte("const $D="+string(encode(data))+";"+a.dist["dialog.js"]), scriptType, true)
	})
	return "dialog." + s.ID + "." + lang + "." + hashOf(f) + ".js", f
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

func (a *Assets) placeholder(lang string) (name string, f *File) {
	f = a.files.get(fileKey{kind: "placeholder", lang: lang}, func() *File {
		w := a.in(lang)
		data := map[string]any{
			"dir": w.Meta.Dir, "lang": lang, "text": w.Placeholder, "error": w.Banner["error"], "sheet": a.dist["placeholder.css"],
			"purposes": map[string]string{
				"preferences": w.Dialog["preferences"], "analytics": w.Dialog["analytics"],
				"marketing": w.Dialog["marketing"], "cross_border": w.Dialog["cross_border"],
			},
		}
		return newFile([]byte("const $D="+string(encode(data))+";"+a.dist["placeholder.js"]), scriptType, true)
	})
	return "placeholder." + lang + "." + hashOf(f) + ".js", f
}
