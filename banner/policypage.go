package banner

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/kunjicloud/kunji/edge/site"
)

// PolicyView is what GET /policy/{site} and /policy/{site}/{version} show.
type PolicyView struct {
	Site      *site.Site
	Lang      string
	Number    int              // 0: the current version, at /policy/{site}
	Incidents []*site.Incident // from Site.Told
}

type policyPage struct {
	frame
	Version, From, Change, Place, Keep, TextLang string
	Old, More                                    bool
	HTML                                         template.HTML
	Purposes                                     []choice
	Services                                     []Row
	Incidents                                    []told
	Reasons                                      []string // why it is material
	Cookies                                      []cookie
}

// RenderPolicy writes a policy version; the second result is false where the
// site has no such version and nothing was written. Version 1 of a site
// without policy files is made from its configuration. Raw HTML in a policy's
// Markdown is left out.
func (a *Assets) RenderPolicy(w io.Writer, v PolicyView) (bool, error) {
	s, version, depth := v.Site, v.Site.Policy.Current(), 1
	if v.Number != 0 {
		var ok bool
		if version, ok = s.Policy.Version(v.Number); !ok {
			return false, nil
		}
		depth = 2
	}
	p := policyPage{frame: a.frame(s, v.Lang, a.in(v.Lang).Pages["policy_title"], depth), Services: a.services(s, v.Lang)}
	p.Version, p.From = fill(p.T["policy_version"], "n", strconv.Itoa(version.Number)), p.inForce(version)
	p.Old, p.More = version != s.Policy.Current(), len(s.Policy.Versions) > 1
	var err error
	if p.Incidents, err = tell(v.Incidents, v.Lang); err != nil {
		return true, err
	}
	if t, ok := policyText(version, v.Lang); ok {
		p.TextLang, p.Titled = t.Language, bytes.HasPrefix(bytes.TrimSpace(t.Markdown), []byte("# "))
		if t.Summary != "" {
			p.Change = fill(p.B["change"], "summary", t.Summary)
		}
		if p.HTML, err = markdown(t.Markdown); err != nil {
			return true, fmt.Errorf("policy version %d of site %s: %w", version.Number, s.ID, err)
		}
	}
	p.Reasons = p.reasons(version)
	p.fromConfiguration(a, s, v.Lang)
	return true, a.render(w, "policy", p)
}

// fromConfiguration says what the site's configuration says: the whole text of
// a first version that has no file.
func (p *policyPage) fromConfiguration(a *Assets, s *site.Site, lang string) {
	for _, use := range s.Purposes {
		id := use.ID.String()
		c := choice{Name: p.D[id], Text: p.D[id+"_text"]}
		if use.ID == site.CrossBorder {
			c.Facts = a.transferFacts(s, lang)
		}
		p.Purposes = append(p.Purposes, c)
	}
	if s.Region != "" {
		p.Place = fill(p.T["policy_place"], "region", s.Region)
	}
	p.Cookies = p.cookies(s)
	p.Keep = fill(p.T["policy_keep"], "events", days(s.RetainEvents), "consents", days(s.RetainConsents))
}

// markdown makes HTML of a text; raw HTML and addresses that run scripts are
// left out.
func markdown(text []byte) (template.HTML, error) {
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert(text, &b); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil //nolint:gosec // goldmark escapes; raw HTML is off
}

func days(d time.Duration) string { return strconv.Itoa(int(d / (24 * time.Hour))) }

// inForce says from when a version holds; empty where it gives no date.
func (f *frame) inForce(v *site.PolicyVersion) string {
	if v.Date.IsZero() {
		return ""
	}
	return fill(f.T["policy_from"], "date", v.Date.Format(time.DateOnly))
}

// reasons say in what a version is material (policy 9.3).
func (f *frame) reasons(v *site.PolicyVersion) []string {
	var list []string
	for _, m := range v.Material {
		list = append(list, f.T["material_"+string(m)])
	}
	return list
}

type archived struct {
	Number                 int
	Version, From, Summary string
	Reasons                []string
}

type archivePage struct {
	frame
	Versions []archived
}

// RenderArchive writes the list of all versions, newest first (policy 9.4).
func (a *Assets) RenderArchive(w io.Writer, s *site.Site, lang string) error {
	p := archivePage{frame: a.frame(s, lang, a.in(lang).Pages["archive"], 2)}
	for i := len(s.Policy.Versions) - 1; i >= 0; i-- {
		v := &s.Policy.Versions[i]
		t, _ := policyText(v, lang)
		p.Versions = append(p.Versions, archived{
			Number: v.Number, Version: fill(p.T["policy_version"], "n", strconv.Itoa(v.Number)), From: p.inForce(v), Summary: t.Summary,
			Reasons: p.reasons(v),
		})
	}
	return a.render(w, "archive", p)
}
