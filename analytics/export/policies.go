package export

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// policies writes every version as it is written for the configuration:
// <version>.<language>.md. A version that was made from the configuration has no
// text of its own: site.json has what it was made of.
func (w *writer) policies(context.Context) error {
	for _, v := range w.Site.Policy.Versions {
		for _, lang := range slices.Sorted(maps.Keys(v.Texts)) {
			if err := w.text(fmt.Sprintf("policies/%d.%s.md", v.Number, lang), policyText(&v, v.Texts[lang])); err != nil {
				return err
			}
		}
	}
	return nil
}

func policyText(v *site.PolicyVersion, t site.PolicyText) []byte {
	var b strings.Builder
	b.WriteString("---\n")
	if !t.Date.IsZero() {
		b.WriteString("date: " + t.Date.Format(time.DateOnly) + "\n")
	}
	material := "false"
	if len(v.Material) > 0 {
		names := make([]string, len(v.Material))
		for i, m := range v.Material {
			names[i] = string(m)
		}
		material = "[" + strings.Join(names, ", ") + "]"
	}
	b.WriteString("material: " + material + "\n")
	if t.Summary != "" {
		b.WriteString("summary: " + strconv.Quote(t.Summary) + "\n")
	}
	b.WriteString("---\n")
	b.Write(t.Markdown)
	return []byte(b.String())
}

// told is what visitors of the site were told, and by which rules it collected.
type told struct {
	ID              string                   `json:"id"`
	Name            string                   `json:"name"`
	Domains         []string                 `json:"domains"`
	Endpoints       []string                 `json:"endpoints"`
	Controller      site.Controller          `json:"controller"`
	Region          string                   `json:"region"`
	Timezone        string                   `json:"timezone"`
	Currency        string                   `json:"currency"`
	Status          string                   `json:"status"`
	Purposes        []purpose                `json:"purposes"`
	Services        []site.Service           `json:"services"`
	CrossBorder     map[string]site.Transfer `json:"cross_border,omitempty"`
	Minors          site.Minors              `json:"minors"`
	ConsentLifetime string                   `json:"consent_lifetime"`
	EventProps      map[string][]string      `json:"event_props,omitempty"`
	RetainEvents    string                   `json:"retain_events"`
	RetainConsents  string                   `json:"retain_consents"`
	PolicyVersion   int                      `json:"policy_version"`
}

type purpose struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
}

// site writes site.json.
func (w *writer) site(context.Context) error {
	s := w.Site
	t := told{
		ID: s.ID, Name: s.Name, Domains: s.Domains, Controller: s.Controller, Region: s.Region, Timezone: s.Zone.String(), Currency: s.Currency,
		Status: s.Status.String(), Services: s.Services, CrossBorder: s.CrossBorder, Minors: s.Minors, EventProps: s.EventProps,
		ConsentLifetime: days(s.ConsentLifetime), RetainEvents: days(s.RetainEvents), RetainConsents: days(s.RetainConsents),
		PolicyVersion: s.Policy.Current().Number,
	}
	for _, e := range s.Endpoints {
		t.Endpoints = append(t.Endpoints, e.String())
	}
	for _, u := range s.Purposes {
		t.Purposes = append(t.Purposes, purpose{u.ID.String(), u.Version})
	}
	return w.json("site.json", t)
}

func days(d time.Duration) string { return strconv.Itoa(int(d/(24*time.Hour))) + "d" }
