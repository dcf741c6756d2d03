package main

import (
	"errors"
	"io/fs"
	"maps"
	"net/mail"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones on machines without a zone database

	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"github.com/kunjicloud/kunji/analytics/webhook"
	"github.com/kunjicloud/kunji/edge/site"
)

func (r *reader) sites(c *Config, written []fileSite) {
	for i := range written {
		at := indexed("sites", i)
		s := r.site(c, at, &written[i])
		if _, taken := c.Site(s.ID); taken && s.ID != "" {
			r.fault(at+".id", "%q stands there twice: give each site an id of its own", s.ID)
		}
		for _, f := range s.Faults() {
			r.fault(at+"."+f.Path, "%s", f.Message)
		}
		r.warnSite(c, at, s)
		c.Sites = append(c.Sites, s)
	}
}

func (r *reader) site(c *Config, at string, w *fileSite) *site.Site {
	s := &site.Site{
		ID:              w.ID,
		Name:            w.Name,
		Domains:         r.hosts(at+".domains", w.Domains),
		Controller:      site.Controller(w.Controller),
		Region:          w.Region,
		Zone:            r.zone(at+".timezone", w.Timezone),
		Currency:        r.currency(at+".currency", w.Currency),
		Services:        r.services(at+".services", w.Services),
		Minors:          site.Minors(w.Minors),
		Regimes:         r.regimes(at+".regimes", w.Regimes),
		ConsentLifetime: r.duration(at+".consent_lifetime", w.ConsentLifetime),
		EventProps:      w.EventProps,
		MinGroup:        w.MinGroup,
		UnsubscribeHook: r.webhook(at+".mail.unsubscribe_webhook", w.Mail.UnsubscribeWebhook),
		ConsentMode:     w.ConsentMode,
		BlockHosts:      r.hosts(at+".block_hosts", w.BlockHosts),
		Banner:          r.banner(at+".banner", w.Banner),
		RetainEvents:    c.Retention.Events,
		RetainConsents:  c.Retention.Consents,
		Policy:          r.policy(at+".policy_dir", w.PolicyDir),
		Incidents:       r.incidents(at+".policy_dir", w.PolicyDir),
	}
	if w.PolicyDir != "" {
		if c.policyDirs == nil {
			c.policyDirs = map[string]string{}
		}
		c.policyDirs[w.ID] = r.file(w.PolicyDir)
	}
	if w.Status == "stopped" {
		s.Status = site.Stopped
	}
	if s.Name == "" {
		s.Name = s.ID
	}
	if s.Region == "" {
		s.Region = c.Region
	}
	if w.Retention.Events != "" {
		s.RetainEvents = r.term(at+".retention.events", w.Retention.Events)
	}
	if w.Retention.Consents != "" {
		s.RetainConsents = r.term(at+".retention.consents", w.Retention.Consents)
	}
	if len(w.Endpoints) == 0 {
		s.Endpoints = []*url.URL{c.Edge.PublicURL}
	}
	for i, text := range w.Endpoints {
		s.Endpoints = append(s.Endpoints, r.endpoint(indexed(at+".endpoints", i), text))
	}
	r.email(at+".controller.email", w.Controller.Email)
	r.purposes(at, w, s)
	return s
}

// purposes reads what the site asks for. Texts for cross_border make it one of
// them: they have no other use.
func (r *reader) purposes(at string, w *fileSite, s *site.Site) {
	for i, p := range w.Purposes {
		id, err := site.ParsePurpose(p.ID)
		if err != nil {
			r.fault(indexed(at+".purposes", i), "%v", err)
			continue
		}
		s.Purposes = append(s.Purposes, site.PurposeUse{ID: id, Version: p.Version})
	}
	for lang, t := range w.CrossBorder {
		if s.CrossBorder == nil {
			s.CrossBorder = map[string]site.Transfer{}
		}
		r.language(at+".cross_border."+lang, lang)
		s.CrossBorder[lang] = site.Transfer(t)
	}
	if _, listed := s.Uses(site.CrossBorder); len(s.CrossBorder) > 0 && !listed {
		s.Purposes = append(s.Purposes, site.PurposeUse{ID: site.CrossBorder, Version: 1})
	}
}

func (r *reader) hosts(at string, texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		host, err := site.ParseHost(text)
		if err != nil {
			r.fault(indexed(at, i), "%v", err)
		}
		out[i] = host
	}
	return out
}

func (r *reader) zone(at, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		r.fault(at, "%q is not a time zone: write an IANA name such as Asia/Shanghai or Europe/Berlin", name)
		return time.UTC
	}
	return zone
}

func (r *reader) currency(at, code string) string {
	if unit, err := currency.ParseISO(code); err != nil || unit.String() != code {
		r.fault(at, "%q is not a currency: write an ISO 4217 code such as CNY or EUR", code)
	}
	return code
}

func (r *reader) country(at, code string) {
	region, err := language.ParseRegion(code)
	switch {
	case err != nil || !region.IsCountry():
		r.fault(at, "%q is not a country: write an ISO 3166-1 code such as CN or US", code)
	case region.Canonicalize() != region:
		r.fault(at, "%q is not a country's ISO 3166-1 code: write %s", code, region.Canonicalize())
	}
}

func (r *reader) language(at, tag string) {
	if _, err := language.Parse(tag); err != nil {
		r.fault(at, "%q is not a language: write a BCP 47 tag such as en or zh-CN", tag)
	}
}

func (r *reader) email(at, text string) {
	if text == "" {
		return
	}
	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		r.fault(at, "is not a mail address: write one such as privacy@shop.example")
	}
}

func (r *reader) webhook(at, text string) string {
	if text == "" {
		return ""
	}
	if err := webhook.Allowed(text); err != nil {
		r.fault(at, "%v", err)
	}
	return text
}

func (r *reader) services(at string, written []fileService) []site.Service {
	var out []site.Service
	for i, w := range written {
		here := indexed(at, i)
		purpose, err := site.ParsePurpose(w.Purpose)
		if err != nil {
			r.fault(here+".purpose", "%v", err)
		}
		r.country(here+".country", w.Country)
		out = append(out, site.Service{
			ID: w.ID, Name: w.Name, Purpose: purpose, Provider: w.Provider, Country: w.Country,
			Data: w.Data, Use: w.Use, Retention: w.Retention,
			Hosts: r.hosts(here+".hosts", w.Hosts), Cookies: w.Cookies, Storage: w.Storage,
		})
	}
	return out
}

func (r *reader) regimes(at string, written map[string]string) site.Regimes {
	out := site.Regimes{"default": site.OptIn}
	for place, name := range written {
		regime, err := site.ParseRegime(name)
		if err != nil {
			r.fault(at+"."+place, "%v", err)
		}
		if country, _, _ := strings.Cut(place, "-"); place != "default" {
			r.country(at+"."+place, country)
		}
		out[place] = regime
	}
	return out
}

func (r *reader) banner(at string, w fileBanner) site.Banner {
	b := site.Banner{
		Layout: site.Layout(w.Layout), Reason: w.Reason, Languages: w.Languages,
		Theme: w.Theme.properties(), Button: w.Button == nil || *w.Button,
	}
	for i, tag := range w.Languages {
		r.language(indexed(at+".languages", i), tag)
	}
	return b
}

// properties is the theme as a map of what is set, by the key's name.
func (t fileTheme) properties() map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(t)
	for i := range v.NumField() {
		if text := v.Field(i).String(); text != "" {
			out[v.Type().Field(i).Tag.Get("json")] = text
		}
	}
	return out
}

// policy loads a site's policy files; their faults name the file itself.
func (r *reader) policy(at, dir string) *site.Policy {
	if dir == "" {
		return site.FirstPolicy()
	}
	sub, err := r.policyFolder(dir)
	if err != nil {
		r.fault(at, "%v", err)
		return site.FirstPolicy()
	}
	if info, err := fs.Stat(sub, "."); err != nil || !info.IsDir() {
		r.warn(at, "there is no folder %s: version 1 is made from this configuration", dir)
	}
	policy, err := site.LoadPolicy(sub)
	if err == nil {
		return policy
	}
	r.policyFaults(at, r.file(dir), err)
	return site.FirstPolicy()
}

func (r *reader) policyFolder(dir string) (fs.FS, error) {
	folder, name := r.folder, path.Clean(filepath.ToSlash(dir))
	if filepath.IsAbs(dir) || !fs.ValidPath(name) {
		folder, name = os.DirFS(r.file(dir)), "."
	}
	return fs.Sub(folder, name)
}

// policyFaults tells each fault of the files in a folder with its place.
func (r *reader) policyFaults(at, dir string, err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		r.fault(at, "%v", err)
		return
	}
	for _, e := range joined.Unwrap() {
		var p *site.PolicyError
		if errors.As(e, &p) {
			r.doc.fail(place{filepath.Join(dir, p.File), p.Line, p.Column}, "", "%s", p.Message)
		}
	}
}

// sortedKeys gives maps a fixed order, so that messages come in one.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
