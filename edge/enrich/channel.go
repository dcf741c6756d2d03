package enrich

import "strings"

// Channels. The set is closed: reports and saved filters rely on the names.
const (
	ChannelPaidSearch     = "Paid Search"
	ChannelPaidSocial     = "Paid Social"
	ChannelPaidVideo      = "Paid Video"
	ChannelPaidOther      = "Paid Other"
	ChannelDisplay        = "Display"
	ChannelOrganicSearch  = "Organic Search"
	ChannelOrganicSocial  = "Organic Social"
	ChannelVideo          = "Video"
	ChannelAI             = "AI Assistants"
	ChannelEmail          = "Email"
	ChannelAffiliates     = "Affiliates"
	ChannelMessaging      = "SMS/Push"
	ChannelReferral       = "Referral"
	ChannelDirect         = "Direct"
	ChannelConsentedLater = "(consented later)"
	ChannelOther          = "Other"
)

// channelOf groups a source by the first row that fits; the rows follow the default
// channel groups that web analytics agree on, with AI assistants of their own.
//
//	| medium                                      | platform of the source | channel        |
//	|---------------------------------------------|------------------------|----------------|
//	| (none)                                      | source is (direct)     | Direct         |
//	| display banner cpm interstitial native …    | any                    | Display        |
//	| cpc ppc cpa cpv cpe cpl cpi ocpc sem ads    | search engine          | Paid Search    |
//	|   retargeting remarketing paid… …-paid      | social network         | Paid Social    |
//	|                                             | video site             | Paid Video     |
//	|                                             | advertising network    | Display        |
//	|                                             | any other              | Paid Other     |
//	| email e-mail mail newsletter edm            | any                    | Email          |
//	| affiliate affiliates affiliation cps        | any                    | Affiliates     |
//	| sms mms rcs notification push …push         | any                    | SMS/Push       |
//	| ai ai-assistant llm chatbot                 | any                    | AI Assistants  |
//	| social social-media sns sm smo kol …        | any                    | Organic Social |
//	| video                                       | any                    | Video          |
//	| organic seo, any other, or none             | search engine          | Organic Search |
//	|                                             | social network         | Organic Social |
//	|                                             | video site             | Video          |
//	|                                             | AI assistant           | AI Assistants  |
//	|                                             | web mail               | Email          |
//	|                                             | advertising network    | Display        |
//	| organic seo                                 | any other              | Organic Search |
//	| any other, or none                          | source says email, sms | Email, SMS/Push|
//	| referral link app partner                   | any other              | Referral       |
//	| any other, or none                          | any other              | Other          |
//
// So "organic" on a social network is Organic Social: marketers write it for "not
// paid". cps is cost per sale, which is what affiliates are paid.
func channelOf(s Source) string {
	by := platformOfName(s.Source)
	if !by.known() && s.Source == strings.TrimPrefix(s.ReferrerHost, "www.") {
		by = platformOfHost(s.ReferrerHost)
	}
	if s.Source == SourceDirect && (s.Medium == MediumNone || s.Medium == "") {
		return ChannelDirect
	}
	switch mediumClass(s.Medium) {
	case mediumDisplay:
		return ChannelDisplay
	case mediumPaid:
		return paidChannel(by.kind)
	case mediumEmail:
		return ChannelEmail
	case mediumAffiliate:
		return ChannelAffiliates
	case mediumMessaging:
		return ChannelMessaging
	case mediumAI:
		return ChannelAI
	case mediumOrganic:
		if channel := unpaidChannel(by.kind); channel != "" {
			return channel
		}
		return ChannelOrganicSearch
	case mediumSocial:
		return ChannelOrganicSocial
	case mediumVideo:
		return ChannelVideo
	}
	if channel := unpaidChannel(by.kind); channel != "" {
		return channel
	}
	switch {
	case s.Source == "email" || s.Source == "e-mail" || s.Source == "newsletter" || s.Source == "edm":
		return ChannelEmail
	case s.Source == "sms" || s.Source == "push":
		return ChannelMessaging
	case s.Medium == "referral" || s.Medium == "link" || s.Medium == "app" || s.Medium == "partner":
		return ChannelReferral
	}
	return ChannelOther
}

func paidChannel(k kind) string {
	switch k {
	case kindSearch:
		return ChannelPaidSearch
	case kindSocial:
		return ChannelPaidSocial
	case kindVideo:
		return ChannelPaidVideo
	case kindDisplay:
		return ChannelDisplay
	default:
		return ChannelPaidOther
	}
}

// unpaidChannel is the channel that a platform's kind gives by itself, or "".
func unpaidChannel(k kind) string {
	switch k {
	case kindSearch:
		return ChannelOrganicSearch
	case kindSocial:
		return ChannelOrganicSocial
	case kindVideo:
		return ChannelVideo
	case kindAI:
		return ChannelAI
	case kindMail:
		return ChannelEmail
	case kindDisplay:
		return ChannelDisplay
	default:
		return ""
	}
}

// mediumKind is what a medium means, however it is spelt.
type mediumKind int

const (
	mediumOther mediumKind = iota
	mediumPaid
	mediumDisplay
	mediumEmail
	mediumAffiliate
	mediumMessaging
	mediumAI
	mediumOrganic
	mediumSocial
	mediumVideo
)

func mediumClass(medium string) mediumKind {
	switch medium {
	case "":
		return mediumOther
	case "display", "banner", "interstitial", "expandable", "cpm", "programmatic", "native":
		return mediumDisplay
	case "cpc", "ppc", "cpa", "cpv", "cpe", "cpl", "cpi", "ocpc", "ocpm", "ocpx", "retargeting", "remarketing", "sem", "ads", "ad", "feed-ads":
		return mediumPaid
	case "email", "e-mail", "e_mail", "e mail", "mail", "newsletter", "edm":
		return mediumEmail
	case "affiliate", "affiliates", "affiliation", "cps":
		return mediumAffiliate
	case "sms", "mms", "rcs", "push", "notification":
		return mediumMessaging
	case "ai", "ai-assistant", "ai_assistant", "llm", "chatbot":
		return mediumAI
	case "organic", "seo":
		return mediumOrganic
	case "social", "social-network", "social-media", "social_media", "social network", "social media", "sns", "sm", "smo", "kol", "influencer":
		return mediumSocial
	case "video":
		return mediumVideo
	}
	switch {
	case strings.HasPrefix(medium, "paid") || strings.HasSuffix(medium, "-paid") || strings.HasSuffix(medium, "_paid"):
		return mediumPaid
	case strings.HasSuffix(medium, "push"):
		return mediumMessaging
	}
	return mediumOther
}
