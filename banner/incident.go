package banner

import (
	"fmt"
	"html/template"

	"github.com/kunjicloud/kunji/edge/site"
)

// IncidentHeadings are the five parts' headings in a language, for whoever
// writes an incident's first draft.
func IncidentHeadings(lang string) ([site.IncidentParts]string, error) {
	all, err := loadWords(wordFiles)
	if err != nil {
		return [site.IncidentParts]string{}, err
	}
	t := (&Assets{words: all}).in(lang).Pages
	return [site.IncidentParts]string{
		t["incident_happened"], t["incident_effects"], t["incident_measures"], t["incident_you"], t["incident_remedies"],
	}, nil
}

// told is an incident as a page shows it; banner and mail lead to its ID.
type told struct {
	ID, Title, Lang string
	HTML            template.HTML
}

// tell makes a page's part of incidents (policy 7.4).
func tell(incidents []*site.Incident, lang string) ([]told, error) {
	list := make([]told, 0, len(incidents))
	for _, i := range incidents {
		t := i.Text(lang)
		text, err := markdown(t.Markdown)
		if err != nil {
			return nil, fmt.Errorf("incident %s in %s: %w", i.ID, t.Language, err)
		}
		list = append(list, told{i.ID, t.Title, t.Language, text})
	}
	return list, nil
}

// noteData is what the note's part begins with: src/note.ts' Data.
type noteData struct {
	Dir     string     `json:"dir"`
	Lang    string     `json:"lang"`
	Dismiss string     `json:"dismiss"`
	Notes   []noteLine `json:"notes"`
	Sheet   string     `json:"sheet"`
}

type noteLine struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Lang  string `json:"lang"`
	Until int64  `json:"until"` // ms since 1970: the browser's clock ends it
}

// note is the part that tells of a site's incidents on its pages.
func (a *Assets) note(s *site.Site, lang string) part {
	return a.parts.get(fileKey{kind: "note", site: s, lang: lang}, func() part {
		w := a.in(lang)
		data := noteData{Dir: w.Meta.Dir, Lang: lang, Dismiss: w.Banner["dismiss"], Sheet: a.dist["note.css"], Notes: []noteLine{}}
		for i := range s.Incidents {
			t := s.Incidents[i].Text(lang)
			data.Notes = append(data.Notes, noteLine{s.Incidents[i].ID, t.Title, t.Language, s.Incidents[i].Ends(s.Zone).UnixMilli()})
		}
		body := "const $D=" + string(encode(data)) + ";" + a.dist["note.js"]
		return part{"note." + s.ID + "." + lang + "." + digest([]byte(body)) + ".js", body}
	})
}
