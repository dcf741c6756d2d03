package main

import (
	"fmt"
	"slices"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/site"
)

// scriptWarnings finds sites whose own words make the script heavier than
// banner.Budget: one line a site, for its heaviest language.
func scriptWarnings(cfg *Config) ([]string, error) {
	assets, err := banner.Load()
	if err != nil {
		return nil, err
	}
	var warnings []string
	for _, s := range cfg.Sites {
		heaviest, in := 0, ""
		for _, lang := range s.Banner.Languages {
			for _, regime := range regimesOf(s) {
				if n := len(assets.Script(banner.View{Site: s, Language: lang, Regime: regime}).Brotli); n > heaviest {
					heaviest, in = n, lang
				}
			}
		}
		if heaviest > banner.Budget {
			warnings = append(warnings, fmt.Sprintf("%s: the script of site %s weighs %d bytes in %s (brotli), over the %d that keep it fast: shorten controller.name, the policy version's summary, block_hosts or the services' ids",
				cfg.Path, s.ID, heaviest, in, banner.Budget))
		}
	}
	return warnings, nil
}

func regimesOf(s *site.Site) []site.Regime {
	regimes := []site.Regime{site.OptIn}
	for _, r := range s.Regimes {
		if !slices.Contains(regimes, r) {
			regimes = append(regimes, r)
		}
	}
	return regimes
}
