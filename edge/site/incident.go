package site

import (
	"strings"
	"time"
)

// IncidentParts is how many things people are told after an incident, in this
// order: what happened, its possible effects, what is being done, what they
// can do, how they are put right (policy 7.4; PIPL Art. 57; GDPR Art. 34(2)).
const IncidentParts = 5

// Incident is an event that put visitors' data at risk, told to them on
// banner, choices, rights and policy pages until its end (policy 7.4, 7.5).
type Incident struct {
	ID       string
	From, To time.Time // first and last day of what happened, UTC midnights
	Until    time.Time // last day that it is shown
	Texts    map[string]IncidentText
}

// IncidentText is what is said of an incident in one language.
type IncidentText struct {
	Language string
	Title    string // one line, for the banner
	Markdown []byte // five level-2 headings with their texts
}

// Text returns the incident in a language: that one, else one that shares its
// first subtag (zh-TW for zh-CN), else English, else the first by tag.
func (i *Incident) Text(lang string) IncidentText {
	if t, ok := i.Texts[lang]; ok {
		return t
	}
	primary := func(tag string) string {
		first, _, _ := strings.Cut(strings.ToLower(tag), "-")
		return first
	}
	near := ""
	for _, tag := range sortedTags(i.Texts) {
		if primary(tag) == primary(lang) {
			return i.Texts[tag]
		}
		if near == "" || primary(tag) == "en" && primary(near) != "en" {
			near = tag
		}
	}
	return i.Texts[near]
}

// Ends returns the first moment at which the incident is no longer shown: the
// end of its last day in zone.
func (i *Incident) Ends(zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := i.Until.Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

// Told returns the incidents that visitors are still told of at now, the
// newest first.
func (s *Site) Told(now time.Time) []*Incident {
	var list []*Incident
	for i := range s.Incidents {
		if now.Before(s.Incidents[i].Ends(s.Zone)) {
			list = append(list, &s.Incidents[i])
		}
	}
	return list
}
