package banner

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// config is what the script knows of its site: src/config.ts' Config.
type config struct {
	Site        string            `json:"site"`
	Notice      string            `json:"notice"`
	Lang        string            `json:"lang"`
	Purposes    ordered           `json:"purposes"`
	Services    map[string]string `json:"services"`
	Policy      int               `json:"policy"`
	Days        int               `json:"days"`
	Out         flag              `json:"out,omitempty"`
	GPC         flag              `json:"gpc,omitempty"`
	Away        flag              `json:"away,omitempty"`
	Stopped     flag              `json:"stopped,omitempty"`
	Button      flag              `json:"button,omitempty"`
	Modal       flag              `json:"modal,omitempty"`
	Dialog      string            `json:"dialog"`
	Placeholder string            `json:"placeholder"`
	Note        string            `json:"note,omitempty"`
	Leaves      flag              `json:"leaves,omitempty"`
	Block       map[string]string `json:"block,omitempty"`
}

// flag is true as 1, and left out when false.
type flag int

func flagOf(b bool) flag {
	if b {
		return 1
	}
	return 0
}

// ordered is an object whose keys keep their order: the order of purposes is
// the order of their switches.
type ordered []site.PurposeUse

// MarshalJSON writes {"a":1,"m":2}.
func (o ordered) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, use := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, encode(letters[use.ID])...)
		out = append(out, ':')
		out = append(out, encode(use.Version)...)
	}
	return append(out, '}'), nil
}

// letters stand for purposes, as in kj_consent.
var letters = map[site.Purpose]string{
	site.Necessary: "n", site.Preferences: "p", site.Analytics: "a", site.Marketing: "m", site.CrossBorder: "x",
}

func (a *Assets) config(v View) config {
	s := v.Site
	c := config{
		Site: s.ID, Notice: a.Notice(s, v.Language).Version, Lang: v.Language, Purposes: s.Purposes,
		Services: map[string]string{}, Policy: s.Policy.AskedSince(), Days: int(s.ConsentLifetime / (24 * time.Hour)),
		Out: flagOf(v.Regime == site.OptOut), GPC: flagOf(v.GPC), Away: flagOf(v.away()),
		Stopped: flagOf(s.Status == site.Stopped), Button: flagOf(s.Banner.Button), Modal: flagOf(s.Banner.Layout == site.Modal),
	}
	c.Dialog, c.Placeholder = a.dialog(s, v.Language).name, a.placeholder(v.Language).name
	if len(s.Incidents) > 0 {
		c.Note = a.note(s, v.Language).name
	}
	for i := range s.Services {
		if len(s.Services[i].Cookies)+len(s.Services[i].Storage) > 0 {
			c.Leaves = 1
		}
		needs := letters[s.Services[i].Purpose]
		// A service that keeps data abroad needs that consent too (PIPL 39, policy 7.6).
		if site.Abroad(s.Region, s.Services[i].Country) {
			needs += letters[site.CrossBorder]
		}
		c.Services[s.Services[i].ID] = needs
	}
	for _, host := range s.BlockHosts {
		if c.Block == nil {
			c.Block = map[string]string{}
		}
		c.Block[host] = heldBy(s, host)
	}
	return c
}

// heldBy names the service that talks to a host; hosts that none declares wait
// for marketing.
func heldBy(s *site.Site, host string) string {
	for i := range s.Services {
		if slices.Contains(s.Services[i].Hosts, host) {
			return s.Services[i].ID
		}
	}
	return letters[site.Marketing]
}

// theme turns the site's theme into custom properties. They reach all buttons
// alike: none names a single one (policy 2.2.3). Keys and values that could
// leave a declaration are dropped.
func theme(s *site.Site) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s.Banner.Theme)) {
		value := s.Banner.Theme[key]
		name := strings.ReplaceAll(key, "_", "-")
		if !slices.Contains(Themes(), name) || strings.ContainsAny(value, "{};<>\\\"/") {
			continue
		}
		b.WriteString("--kunji-" + name + ":" + value + ";")
	}
	if b.Len() == 0 {
		return ""
	}
	return ":host{" + b.String() + "}"
}

// Themes lists the properties that a site's theme may set: in the page's CSS
// with --kunji- in front.
func Themes() []string {
	return []string{
		"bg", "text", "border", "button-bg", "button-text", "radius", "font",
		"dark-bg", "dark-text", "dark-border", "dark-button-bg", "dark-button-text",
	}
}
