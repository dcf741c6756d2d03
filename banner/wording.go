package banner

import (
	"strconv"
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// firstLayer is the banner's wording for one site, as src/config.ts' Text.
type firstLayer struct {
	Dir      string     `json:"dir"`
	Label    string     `json:"label"`
	Text     string     `json:"text"`
	GPC      string     `json:"gpc"`
	Change   string     `json:"change,omitempty"`
	Accept   string     `json:"accept"`
	Reject   string     `json:"reject"`
	Settings string     `json:"settings"`
	Policy   string     `json:"policy"`
	Cookies  string     `json:"cookies"`
	Error    string     `json:"error"`
	Button   string     `json:"button,omitempty"`
	Age      *ageText   `json:"age,omitempty"`
	Cross    *crossText `json:"cross,omitempty"`
}

type ageText struct {
	Question string `json:"question"`
	Adult    string `json:"adult"`
	Minor    string `json:"minor"`
	Guardian string `json:"guardian"`
	Missing  string `json:"missing"`
}

// crossText is the separate question about leaving the region. What the visitor
// must know of it, in a site's own and perhaps long words, is one press away in
// the preferences, so that it never weighs on the first layer.
type crossText struct {
	Label string `json:"label"`
	More  string `json:"more"`
}

func (a *Assets) firstLayer(s *site.Site, lang string, regime site.Regime) firstLayer {
	w := a.in(lang)
	b := w.Banner
	var purposes []string
	for _, use := range s.Purposes {
		if use.ID != site.CrossBorder {
			purposes = append(purposes, b[use.ID.String()])
		}
	}
	text, gpc := b["text"], b["gpc"]
	if regime == site.OptOut {
		text, gpc = b["text_out"], b["gpc_out"]
	}
	f := firstLayer{
		Dir: w.Meta.Dir, Label: b["label"],
		Text: fill(text, "controller", controllerName(s), "purposes", strings.Join(purposes, b["separator"])),
		GPC:  gpc, Accept: b["accept"], Reject: b["reject"], Settings: b["settings"],
		Policy: b["policy"], Cookies: b["cookies"], Error: b["error"],
	}
	if s.Banner.Button {
		f.Button = b["button"]
	}
	if v := s.Policy.Current(); len(v.Material) > 0 {
		if t, ok := policyText(v, lang); ok && t.Summary != "" {
			f.Change = fill(b["change"], "summary", t.Summary)
		}
	}
	if s.Minors.Ask {
		f.Age = &ageText{
			Question: fill(b["age_question"], "age", strconv.Itoa(s.Minors.Age)),
			Adult:    b["age_adult"], Minor: b["age_minor"], Guardian: b["age_guardian"], Missing: b["age_missing"],
		}
	}
	if _, asked := s.Uses(site.CrossBorder); asked {
		f.Cross = &crossText{Label: b["cross_label"], More: b["cross_more"]}
	}
	return f
}

// transferFacts are the five facts of PIPL 39, each a label and a text; none
// where the site does not ask for cross_border.
func (a *Assets) transferFacts(s *site.Site, lang string) [][2]string {
	t, ok := transfer(s, lang)
	if !ok {
		return nil
	}
	b := a.in(lang).Banner
	return [][2]string{
		{b["cross_recipient"], t.Recipient},
		{b["cross_country"], t.Country},
		{b["cross_purpose"], t.Purpose},
		{b["cross_safeguards"], t.Safeguards},
		{b["cross_risks"], t.Risks},
	}
}

// controllerName is who asks: the controller, or the site where none is named.
func controllerName(s *site.Site) string {
	if s.Controller.Name != "" {
		return s.Controller.Name
	}
	if s.Name != "" {
		return s.Name
	}
	return s.ID
}

// policyText returns a version's text in a language, else in any the version
// has, the smallest tag first.
func policyText(v *site.PolicyVersion, lang string) (site.PolicyText, bool) {
	if t, ok := v.Texts[lang]; ok {
		return t, true
	}
	return anyOf(v.Texts)
}

// transfer returns the five facts where the site asks for cross_border.
func transfer(s *site.Site, lang string) (site.Transfer, bool) {
	if _, asked := s.Uses(site.CrossBorder); !asked {
		return site.Transfer{}, false
	}
	if t, ok := s.CrossBorder[lang]; ok {
		return t, true
	}
	t, _ := anyOf(s.CrossBorder)
	return t, true
}

func anyOf[V any](m map[string]V) (V, bool) {
	first := ""
	for tag := range m {
		if first == "" || tag < first {
			first = tag
		}
	}
	v, ok := m[first]
	return v, ok
}

// Row is a service as visitors see it: its name and what is said about it, in
// labels of the language.
type Row struct {
	ID, Name string
	Purpose  site.Purpose
	Facts    [][2]string // label, text
}

// services lists the site's services with what policy 3.1.5 asks to be said.
func (a *Assets) services(s *site.Site, lang string) []Row {
	d := a.in(lang).Dialog
	rows := make([]Row, 0, len(s.Services))
	for i := range s.Services {
		v := &s.Services[i]
		row := Row{ID: v.ID, Name: v.Name, Purpose: v.Purpose}
		if row.Name == "" {
			row.Name = v.ID
		}
		for _, fact := range [][2]string{
			{d["provider"], v.Provider},
			{d["country"], v.Country},
			{d["data"], v.Data},
			{d["use"], v.Use},
			{d["retention"], v.Retention},
			{d["cookies"], strings.Join(v.Cookies, ", ")},
			{d["storage"], strings.Join(v.Storage, ", ")},
		} {
			if fact[1] != "" {
				row.Facts = append(row.Facts, fact)
			}
		}
		rows = append(rows, row)
	}
	return rows
}
