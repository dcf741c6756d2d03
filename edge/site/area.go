package site

import (
	"slices"
	"strings"
)

// Abroad reports whether data kept in country has left region, so that it
// needs cross_border (PIPL Art. 39, policy 7.6). A region's name begins with
// its country (cn, us-east) or with eu. Within the European Economic Area data
// moves as within one country (GDPR Art. 1(3); EEA Agreement, Annex XI 5e). A
// region or country that says nothing is not abroad.
func Abroad(region, country string) bool {
	home, _, _ := strings.Cut(strings.ToUpper(region), "-")
	if country == "" || len(home) != 2 && home != "EEA" {
		return false
	}
	return area(home) != area(strings.ToUpper(country))
}

func area(country string) string {
	if country == "EU" || country == "EEA" || slices.Contains(eea, country) {
		return "EEA"
	}
	return country
}
