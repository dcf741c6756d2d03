package enrich

import "strings"

// kind is what a platform is for.
type kind uint8

const (
	kindNone kind = iota
	kindSearch
	kindSocial
	kindVideo
	kindAI
	kindMail
	kindDisplay // advertising networks, which show ads on other people's pages
	kindPassage // payment and sign-in: sends visitors back, is no source
)

// medium is the default when a visit from such a platform names none.
func (k kind) medium() string {
	switch k {
	case kindSearch:
		return "organic"
	case kindSocial:
		return "social"
	case kindMail:
		return "email"
	case kindDisplay:
		return "display"
	default:
		return "referral"
	}
}

// platform is a well-known place that visits come from.
type platform struct {
	name string
	kind kind
}

func (p platform) known() bool { return p.kind != kindNone && p.kind != kindPassage }

// takes reports whether a click id of the platform named owner may stand on a link
// from p: platforms sell advertising on their sister sites too.
func (p platform) takes(owner string) bool {
	switch owner {
	case "google":
		return p.name == "google" || p.name == "youtube" || p.name == "doubleclick"
	case "bing":
		return p.name == "bing" || p.name == "yahoo" || p.name == "duckduckgo" || p.name == "ecosia"
	case "facebook":
		return p.name == "facebook" || p.name == "instagram" || p.name == "threads" || p.name == "whatsapp"
	case "tencent":
		return p.name == "tencent" || p.name == "wechat" || p.name == "qq" || p.name == "qzone"
	case "tiktok":
		return p.name == "tiktok" || p.name == "douyin" || p.name == "toutiao"
	default:
		return p.name == owner
	}
}

// platformOfHost finds the platform of a host in lower case: the host itself, else
// the longest domain above it that stands for all hosts below it.
func platformOfHost(host string) platform {
	if host == "" {
		return platform{}
	}
	if p := exactHost(host); p.kind != kindNone {
		return p
	}
	if p := brandHost(host); p.kind != kindNone {
		return p
	}
	for domain := host; ; {
		if p := anyHostBelow(domain); p.kind != kindNone {
			return p
		}
		_, above, ok := strings.Cut(domain, ".")
		if !ok || strings.IndexByte(above, '.') < 0 {
			return platform{}
		}
		domain = above
	}
}

// brandHost knows the search engines that have a domain in most countries, such as
// www.google.co.uk: nothing or a search host before the brand, behind it a country,
// com, or com or co and a country.
func brandHost(host string) platform {
	for _, before := range [...]string{"www.", "m.", "images.", "cn.", "search."} {
		if rest, ok := strings.CutPrefix(host, before); ok {
			host = rest
			break
		}
	}
	brand, top, _ := strings.Cut(host, ".")
	second, country, two := strings.Cut(top, ".")
	switch {
	case two && (len(country) != 2 || second != "co" && second != "com"):
		return platform{}
	case !two && top != "com" && len(top) != 2:
		return platform{}
	}
	switch brand {
	case "google", "bing", "yandex", "yahoo":
		return platform{brand, kindSearch}
	}
	return platform{}
}

// exactHost knows hosts whose neighbours are something else.
func exactHost(host string) platform {
	switch host {
	case "baidu.com", "www.baidu.com", "m.baidu.com", "wap.baidu.com", "image.baidu.com", "news.baidu.com":
		return platform{"baidu", kindSearch}
	case "sogou.com", "www.sogou.com", "m.sogou.com", "wap.sogou.com", "weixin.sogou.com":
		return platform{"sogou", kindSearch}
	case "so.com", "www.so.com", "m.so.com", "image.so.com":
		return platform{"so", kindSearch}
	case "m.sm.cn", "so.m.sm.cn", "yz.m.sm.cn", "quark.sm.cn", "www.sm.cn", "sm.cn":
		return platform{"shenma", kindSearch}
	case "www.naver.com", "search.naver.com", "m.search.naver.com":
		return platform{"naver", kindSearch}
	case "r.search.yahoo.com", "search.yahoo.co.jp", "search.yahoo.com":
		return platform{"yahoo", kindSearch}
	case "so.toutiao.com":
		return platform{"toutiao", kindSearch}
	case "com.google.android.googlequicksearchbox":
		return platform{"google", kindSearch}
	case "mail.google.com", "com.google.android.gm":
		return platform{"gmail", kindMail}
	case "mail.qq.com", "wx.mail.qq.com", "exmail.qq.com":
		return platform{"qq mail", kindMail}
	case "mail.163.com", "mail.126.com", "mail.yeah.net", "qiye.163.com":
		return platform{"netease mail", kindMail}
	case "outlook.live.com", "outlook.office.com", "outlook.office365.com", "outlook.cloud.microsoft":
		return platform{"outlook", kindMail}
	case "mail.yahoo.com", "mail.yahoo.co.jp":
		return platform{"yahoo mail", kindMail}
	case "mail.aliyun.com", "qiye.aliyun.com":
		return platform{"aliyun mail", kindMail}
	case "mail.proton.me", "mail.yandex.ru", "mail.zoho.com", "www.icloud.com", "e.mail.ru", "mail.sina.com.cn", "mail.naver.com":
		return platform{"webmail", kindMail}
	}
	return exactOtherHost(host)
}

func exactOtherHost(host string) platform {
	switch host {
	case "tieba.baidu.com":
		return platform{"tieba", kindSocial}
	case "wx.qq.com", "weixin.qq.com", "mp.weixin.qq.com", "servicewechat.com", "channels.weixin.qq.com":
		return platform{"wechat", kindSocial}
	case "qzone.qq.com", "user.qzone.qq.com":
		return platform{"qzone", kindSocial}
	case "v.qq.com", "m.v.qq.com":
		return platform{"tencent video", kindVideo}
	case "com.linkedin.android":
		return platform{"linkedin", kindSocial}
	case "org.telegram.messenger", "org.telegram.messenger.web":
		return platform{"telegram", kindSocial}
	case "com.slack", "com.slack.android":
		return platform{"slack", kindSocial}
	case "gemini.google.com", "bard.google.com", "notebooklm.google.com":
		return platform{"gemini", kindAI}
	case "copilot.microsoft.com", "copilot.cloud.microsoft", "m365.cloud.microsoft":
		return platform{"copilot", kindAI}
	case "yiyan.baidu.com", "chat.baidu.com", "ernie.baidu.com":
		return platform{"ernie", kindAI}
	case "yuanbao.tencent.com":
		return platform{"yuanbao", kindAI}
	case "chat.mistral.ai":
		return platform{"mistral", kindAI}
	case "chat.openai.com", "com.openai.chatgpt":
		return platform{"chatgpt", kindAI}
	case "accounts.google.com", "accounts.youtube.com", "appleid.apple.com", "login.microsoftonline.com",
		"login.live.com", "open.weixin.qq.com", "graph.qq.com", "passport.baidu.com", "auth.alipay.com",
		"pay.google.com", "pay.weixin.qq.com", "wx.tenpay.com", "checkout.stripe.com", "hooks.stripe.com",
		"payments.amazon.com", "pay.amazon.com", "passport.weibo.com", "login.taobao.com":
		return platform{"", kindPassage}
	}
	return platform{}
}

// anyHostBelow knows domains that are one platform with all their hosts.
func anyHostBelow(domain string) platform {
	switch domain {
	case "duckduckgo.com", "ecosia.org", "qwant.com", "startpage.com", "seznam.cz", "ask.com", "aol.com",
		"mojeek.com", "kagi.com", "swisscows.com", "daum.net", "coccoc.com", "petalsearch.com", "chinaso.com",
		"youdao.com", "metager.org", "presearch.com", "onesearch.com":
		name, _, _ := strings.Cut(domain, ".")
		return platform{name, kindSearch}
	case "search.brave.com":
		return platform{"brave", kindSearch}
	case "bing.cn":
		return platform{"bing", kindSearch}
	case "yandex.com.tr", "ya.ru":
		return platform{"yandex", kindSearch}
	case "petal.search.huawei.com":
		return platform{"petalsearch", kindSearch}
	}
	if p := socialDomain(domain); p.kind != kindNone {
		return p
	}
	return otherDomain(domain)
}
