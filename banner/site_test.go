package banner

import (
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// shop is a site as most are: three purposes, two services, two languages.
func shop() *site.Site {
	return &site.Site{
		ID: "shop", Name: "Demo shop", Domains: []string{"shop.example"}, Region: "cn",
		Controller: site.Controller{Name: "Demo Ltd", Address: "1 Road", Email: "privacy@shop.example", Complaints: "the authority"},
		Purposes:   []site.PurposeUse{{ID: site.Preferences, Version: 1}, {ID: site.Analytics, Version: 1}, {ID: site.Marketing, Version: 2}},
		Services: []site.Service{
			{
				ID: "ga4", Name: "Google Analytics", Purpose: site.Analytics, Provider: "Google LLC", Country: "US", Data: "pages read",
				Use: "statistics", Retention: "14 months", Hosts: []string{"www.google-analytics.com"}, Cookies: []string{"_ga", "_ga_*"}, Storage: []string{"ga"},
			},
			{ID: "video", Name: "Video", Purpose: site.Marketing, Provider: "Video Ltd", Country: "CN", Hosts: []string{"video.example"}},
		},
		Regimes: site.Regimes{"default": site.OptIn}, ConsentLifetime: 180 * 24 * time.Hour,
		Banner: site.Banner{Layout: site.Bar, Languages: []string{"zh-CN", "en"}, Button: true},
		Policy: site.FirstPolicy(),
	}
}

// everything is a site that uses every feature there is.
func everything() *site.Site {
	s := shop()
	s.Purposes = append(s.Purposes, site.PurposeUse{ID: site.CrossBorder, Version: 1})
	s.CrossBorder = map[string]site.Transfer{"en": {
		Recipient: "Example Cloud Inc", Country: "United States", Purpose: "keeping statistics",
		Safeguards: "standard contract filed with the authority", Risks: "authorities there may demand access",
	}}
	s.Minors = site.Minors{Ask: true, Age: 18}
	s.Incidents = []site.Incident{{ID: "2026-11-leak", Until: time.Date(2027, 2, 28, 0, 0, 0, 0, time.UTC), Texts: map[string]site.IncidentText{
		"en": {Language: "en", Title: "Mail addresses were readable for two days", Markdown: []byte("## What happened\n\nA <b>cupboard</b> stood open.\n")},
	}}}
	s.ConsentMode = true
	s.BlockHosts = []string{"www.google-analytics.com", "ads.example"}
	s.Banner.Layout = site.Box
	s.Banner.Theme = map[string]string{"button_bg": "#7a1f3d"}
	s.Policy = &site.Policy{Versions: []site.PolicyVersion{{Number: 1}, {
		Number: 2, Material: []site.Material{site.MaterialRecipients},
		Texts: map[string]site.PolicyText{"en": {Language: "en", Summary: "Data is now shared with Example Cloud."}},
	}}}
	return s
}

func assets(t *testing.T) *Assets {
	t.Helper()
	a, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return a
}
