package banner

import (
	"maps"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// waitForUpdate is how long Google's tags wait for the choice, which the
// script reads from its cookie, before they act on the default: milliseconds.
const waitForUpdate = 500

// ConsentModeDefault returns the inline script (without its tag) that a page
// of a consent_mode site must run before any tag of Google's or Microsoft's:
// everything denied, except in places where the site chose opt_out. Google
// takes the entry with the most specific region. Global Privacy Control denies
// advertising in every place.
func ConsentModeDefault(s *site.Site) string {
	var b strings.Builder
	b.WriteString("window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}" +
		"window.uetq=window.uetq||[];window.clarity=window.clarity||function(){(clarity.q=clarity.q||[]).push(arguments)};\n" +
		"(function(g){\n")
	base := s.Regimes["default"]
	b.WriteString(consentDefault(base, nil))
	for _, regime := range []site.Regime{site.OptIn, site.OptOut} {
		var places []string
		for _, place := range slices.Sorted(maps.Keys(s.Regimes)) {
			if place != "default" && s.Regimes[place] == regime && regime != base {
				places = append(places, place)
			}
		}
		// An entry that repeats the default is needed only where a wider place
		// differs: US opt_out, US-CA opt_in, default opt_in.
		if regime == base {
			for place, r := range s.Regimes {
				country, _, sub := strings.Cut(place, "-")
				if wider, ok := s.Regimes[country]; sub && r == regime && ok && wider != base {
					places = append(places, place)
				}
			}
			slices.Sort(places)
		}
		if len(places) > 0 {
			b.WriteString(consentDefault(regime, places))
		}
	}
	b.WriteString("gtag('set','ads_data_redaction',true);\n" +
		"uetq.push('consent','default',{ad_storage:'denied'});\n" +
		"clarity('consentv2',{ad_Storage:'denied',analytics_Storage:'denied'});\n" +
		"})(navigator.globalPrivacyControl?'denied':'granted');\n")
	return b.String()
}

// consentDefault is one default for some places, or for all. g is what
// advertising gets under opt_out.
func consentDefault(regime site.Regime, places []string) string {
	ads, other := "'denied'", "'denied'"
	if regime == site.OptOut {
		ads, other = "g", "'granted'"
	}
	entry := "gtag('consent','default',{ad_storage:" + ads + ",ad_user_data:" + ads + ",ad_personalization:" + ads +
		",analytics_storage:" + other + ",functionality_storage:'denied',personalization_storage:'denied'" +
		",security_storage:'granted',wait_for_update:" + string(encode(waitForUpdate))
	if len(places) > 0 {
		entry += ",region:" + string(encode(places))
	}
	return entry + "});\n"
}
