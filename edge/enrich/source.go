package enrich

import "strings"

// Source names that are no place on the web.
const (
	// SourceDirect is a visit that came from nowhere that is known.
	SourceDirect = "(direct)"
	// SourceConsentedLater is a visit whose source was not kept, because the yes
	// came on a later page than the first.
	SourceConsentedLater = "(consented later)"
	// SourceNotSet is a campaign that names no source and has none by its referrer.
	SourceNotSet = "(not set)"
	// MediumNone is the medium of a direct visit.
	MediumNone = "(none)"
)

// maxValue is the most bytes kept of a campaign value, a referring host excepted.
const maxValue = 128

// Source is how a visitor found the page. All text is redacted, at most 128 bytes
// long and safe to keep.
type Source struct {
	Source       string // utm_source in lower case, else the platform or site that referred
	Medium       string // utm_medium in lower case, else cpc, organic, social, email, referral or (none)
	Campaign     string // utm_campaign
	Content      string // utm_content
	Term         string // utm_term
	CampaignID   string // utm_id
	ClickIDKind  string // name of the click id's parameter; its value is never kept
	ReferrerHost string // lower case, www. kept; "" for own domains and for addresses
	Channel      string // see channelOf
}

// ConsentedLater is the source of a visit whose first page came before the yes.
func ConsentedLater() Source {
	return Source{Source: SourceConsentedLater, Medium: MediumNone, Channel: ChannelConsentedLater}
}

// ParseSource reads the source of a visit from the address of its page and its
// referrer. own tells the site's own domains, whose pages refer to nothing; it is
// given a host in lower case without port, and may be nil: the page's own host never
// refers to itself.
//
//   - Campaign parameters count by their first non-empty value, in the query or, when
//     it has none, in the fragment (#utm_source=…, and #/route?utm_source=…).
//   - Without utm_source the source is the referrer if that is a known platform, else
//     the platform of a click id, else the referring site.
//   - A click id says "paid" only where it fits: a gclid that somebody copied into a
//     LinkedIn post stays organic there. fbclid rides on every link out of Facebook
//     and Instagram, so it names the platform but never says "paid".
//   - Pages for payment and sign-in send visitors back; they are no source.
//   - Of several click ids the one of the source's platform counts, else the first of
//     clickIDs.
func ParseSource(pageURL, referrer string, own func(host string) bool) Source {
	var s Source
	var found clickIDSet
	page, ok := splitURL(pageURL)
	if ok {
		found = s.readCampaign(page)
	}
	if s.ReferrerHost = referringHost(referrer, own); s.ReferrerHost == page.host {
		s.ReferrerHost = ""
	}
	from := platformOfHost(s.ReferrerHost)
	s.attribute(from, found)
	s.Channel = channelOf(s)
	s.ReferrerHost = strings.Clone(s.ReferrerHost)
	return s
}

// attribute settles source, medium and click id.
func (s *Source) attribute(from platform, found clickIDSet) {
	named := s.Source != ""
	by := from // whose visit it is
	switch {
	case named:
		by = platformOfName(s.Source)
	case from.kind == kindDisplay && found != 0:
		// The network's own pages refer to the advertiser's platform, whose id it is.
		s.Source = found.first().platform().name
	case from.known():
		s.Source = from.name
	case found != 0:
		by = found.first().platform()
		s.Source = by.name
	case s.ReferrerHost != "":
		s.Source = strings.Clone(strings.TrimPrefix(s.ReferrerHost, "www."))
	case s.Medium != "" || s.campaign():
		s.Source = SourceNotSet
	default:
		s.Source = SourceDirect
	}
	id, fits := found.of(by)
	s.ClickIDKind = id.String()
	if s.Medium != "" {
		return
	}
	switch {
	case fits && id.paid() && by.kind != kindDisplay:
		s.Medium = "cpc"
	case by.known():
		s.Medium = by.kind.medium()
	case s.Source == SourceDirect:
		s.Medium = MediumNone
	case !named && s.ReferrerHost != "":
		s.Medium = "referral"
	}
}

// campaign reports whether the visit names a campaign.
func (s *Source) campaign() bool {
	return s.Campaign != "" || s.Content != "" || s.Term != "" || s.CampaignID != ""
}

// foreign reports whether the hit says anything of where it came from.
func (s *Source) foreign() bool {
	return s.ClickIDKind != "" || s.ReferrerHost != "" || s.campaign() ||
		s.Source != SourceDirect && s.Source != SourceConsentedLater && s.Source != ""
}

// StartsSession reports whether a hit with source cur begins a new session after a
// visit with source prev: it names another campaign, a click id of another kind or
// another foreign referrer. A page that was reloaded, or another page of the site,
// does not. (The time limit of a session is not judged here.)
func StartsSession(prev, cur Source) bool {
	if !cur.foreign() {
		return false
	}
	if cur.campaign() || cur.ClickIDKind != "" {
		return cur.Source != prev.Source || cur.Medium != prev.Medium || cur.Campaign != prev.Campaign ||
			cur.Content != prev.Content || cur.Term != prev.Term || cur.CampaignID != prev.CampaignID ||
			cur.ClickIDKind != prev.ClickIDKind
	}
	return cur.ReferrerHost != prev.ReferrerHost || cur.Source != prev.Source || cur.Medium != prev.Medium
}

// readCampaign fills the utm fields and notes the click ids of a page's address.
func (s *Source) readCampaign(u urlParts) clickIDSet {
	found := s.readParams(u.query)
	if s.Source == "" && s.Medium == "" && !s.campaign() && found == 0 && u.fragment != "" {
		fragment := u.fragment
		if _, after, ok := strings.Cut(fragment, "?"); ok {
			fragment = after
		}
		found = s.readParams(fragment)
	}
	return found
}

func (s *Source) readParams(query string) clickIDSet {
	var found clickIDSet
	eachParam(query, func(name, value string) bool {
		if len(name) > len("utm_campaign") || value == "" {
			return true
		}
		if rest, ok := cutPrefixFold(name, "utm_"); ok {
			s.setUTM(rest, value)
			return true
		}
		for id := range clickIDs {
			if strings.EqualFold(name, clickIDs[id].name) {
				found |= 1 << id
			}
		}
		return true
	})
	return found
}

func (s *Source) setUTM(name, value string) {
	var field *string
	lower := false
	switch {
	case strings.EqualFold(name, "source"):
		field, lower = &s.Source, true
	case strings.EqualFold(name, "medium"):
		field, lower = &s.Medium, true
	case strings.EqualFold(name, "campaign"):
		field = &s.Campaign
	case strings.EqualFold(name, "content"):
		field = &s.Content
	case strings.EqualFold(name, "term"):
		field = &s.Term
	case strings.EqualFold(name, "id"):
		field = &s.CampaignID
	default:
		return
	}
	if *field == "" {
		*field = campaignValue(value, lower)
	}
}

// campaignValue makes a raw query value fit to be kept. Case means nothing in
// source and medium, so both are lowered; campaign names keep it.
func campaignValue(raw string, lower bool) string {
	return namedValue(unescape(raw), lower)
}

// referringHost gives the host of a foreign referrer, or "".
func referringHost(referrer string, own func(string) bool) string {
	if app, ok := cutPrefixFold(referrer, "android-app://"); ok {
		app, _, _ = strings.Cut(truncate(app, maxHost), "/")
		for i := range len(app) {
			if !hostByte(app[i]) {
				return ""
			}
		}
		return strings.ToLower(app)
	}
	u, ok := splitURL(referrer)
	if !ok || isAddress(u.host) || own != nil && own(u.host) || platformOfHost(u.host).kind == kindPassage {
		return ""
	}
	return u.host
}

// isAddress reports whether a host is an address: a router, an intranet, a machine
// at somebody's home. It refers to nothing that a report could name.
func isAddress(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return host[0] == '[' || last != "" && digit(last[0])
}
