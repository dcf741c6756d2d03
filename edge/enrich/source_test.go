package enrich

import (
	"strings"
	"testing"
)

func ownShop(host string) bool {
	return host == "shop.example" || strings.HasSuffix(host, ".shop.example")
}

const shop = "https://www.shop.example/"

// The source website is recognised, to track advertising: clause 6.2.
func TestPolicy_6_2_SourceOfAVisit(t *testing.T) {
	cases := []struct {
		name, page, referrer string
		want                 Source
	}{
		{"nothing", shop, "", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
		{"no page at all", "", "", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
		{"own page refers", shop, "https://blog.shop.example/a", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
		{
			"all utm fields", shop + "?utm_source=Google&utm_medium=CPC&utm_campaign=Summer+Sale&utm_content=Top%20Banner&utm_term=red+shoes&utm_id=C-42", "https://www.google.com/",
			Source{Source: "google", Medium: "cpc", Campaign: "Summer Sale", Content: "Top Banner", Term: "red shoes", CampaignID: "C-42", ReferrerHost: "www.google.com", Channel: "Paid Search"},
		},
		{"first value wins, empty ones do not count", shop + "?utm_source=&utm_source=a&utm_source=b&utm_medium=email", "", Source{Source: "a", Medium: "email", Channel: "Email"}},
		{"names in capitals", shop + "?UTM_Source=x1&Utm_Medium=banner", "", Source{Source: "x1", Medium: "banner", Channel: "Display"}},
		{"broken mail escaping", shop + "?utm_source=news&amp;utm_medium=email&amp;utm_campaign=w48", "", Source{Source: "news", Medium: "email", Campaign: "w48", Channel: "Email"}},
		{"in the fragment", shop + "#utm_source=weibo&utm_medium=social", "", Source{Source: "weibo", Medium: "social", Channel: "Organic Social"}},
		{"behind a hash route", shop + "#/home?utm_source=weibo", "", Source{Source: "weibo", Medium: "social", Channel: "Organic Social"}},
		{"query before fragment", shop + "?utm_source=a&utm_medium=affiliate#utm_source=b", "", Source{Source: "a", Medium: "affiliate", Channel: "Affiliates"}},
		{"Chinese values", shop + "?utm_source=%E5%BE%AE%E4%BF%A1&utm_campaign=%E5%8F%8C%E5%8D%81%E4%B8%80", "", Source{Source: "微信", Medium: "social", Campaign: "双十一", Channel: "Organic Social"}},
		{"campaign without source", shop + "?utm_campaign=c", "", Source{Source: "(not set)", Campaign: "c", Channel: "Other"}},
		{"campaign, source by referrer", shop + "?utm_campaign=c", "https://www.baidu.com/link?url=x", Source{Source: "baidu", Medium: "organic", Campaign: "c", ReferrerHost: "www.baidu.com", Channel: "Organic Search"}},
		{"mail address in a value", shop + "?utm_source=crm&utm_medium=email&utm_content=ann%40example.org", "", Source{Source: "crm", Medium: "email", Content: ":redacted", Channel: "Email"}},
		{"number of a phone in a term", shop + "?utm_source=crm&utm_medium=sms&utm_term=13812345678", "", Source{Source: "crm", Medium: "sms", Term: ":redacted", Channel: "SMS/Push"}},

		{"gclid", shop + "?gclid=Cj0KCQ", "", Source{Source: "google", Medium: "cpc", ClickIDKind: "gclid", Channel: "Paid Search"}},
		{"gclid, referrer google", shop + "?gclid=Cj0KCQ", "https://www.google.co.uk/", Source{Source: "google", Medium: "cpc", ClickIDKind: "gclid", ReferrerHost: "www.google.co.uk", Channel: "Paid Search"}},
		{"gclid on a publisher's page", shop + "?gclid=Cj0KCQ", "https://news.example/a", Source{Source: "google", Medium: "cpc", ClickIDKind: "gclid", ReferrerHost: "news.example", Channel: "Paid Search"}},
		{"gclid from the display network", shop + "?gclid=Cj0KCQ", "https://googleads.g.doubleclick.net/", Source{Source: "google", Medium: "display", ClickIDKind: "gclid", ReferrerHost: "googleads.g.doubleclick.net", Channel: "Display"}},
		{"stale gclid in a LinkedIn post", shop + "?gclid=Cj0KCQ", "https://www.linkedin.com/", Source{Source: "linkedin", Medium: "social", ClickIDKind: "gclid", ReferrerHost: "www.linkedin.com", Channel: "Organic Social"}},
		{"stale gclid, source named", shop + "?utm_source=linkedin&gclid=Cj0KCQ", "", Source{Source: "linkedin", Medium: "social", ClickIDKind: "gclid", Channel: "Organic Social"}},
		{"stale gclid beside the right id", shop + "?utm_source=linkedin&gclid=1&li_fat_id=2", "", Source{Source: "linkedin", Medium: "cpc", ClickIDKind: "li_fat_id", Channel: "Paid Social"}},
		{"gbraid", shop + "?gbraid=1", "", Source{Source: "google", Medium: "cpc", ClickIDKind: "gbraid", Channel: "Paid Search"}},
		{"wbraid on YouTube", shop + "?wbraid=1", "https://www.youtube.com/", Source{Source: "youtube", Medium: "cpc", ClickIDKind: "wbraid", ReferrerHost: "www.youtube.com", Channel: "Paid Video"}},
		{"fbclid alone is not paid", shop + "?fbclid=IwAR0", "https://l.facebook.com/", Source{Source: "facebook", Medium: "social", ClickIDKind: "fbclid", ReferrerHost: "l.facebook.com", Channel: "Organic Social"}},
		{"fbclid, no referrer", shop + "?fbclid=IwAR0", "", Source{Source: "facebook", Medium: "social", ClickIDKind: "fbclid", Channel: "Organic Social"}},
		{"fbclid and paid medium", shop + "?fbclid=IwAR0&utm_source=ig&utm_medium=paid_social", "", Source{Source: "ig", Medium: "paid_social", ClickIDKind: "fbclid", Channel: "Paid Social"}},
		{"fbclid carried to a mail", shop + "?fbclid=IwAR0&utm_source=newsletter&utm_medium=email", "", Source{Source: "newsletter", Medium: "email", ClickIDKind: "fbclid", Channel: "Email"}},
		{"msclkid", shop + "?msclkid=1", "https://www.bing.com/", Source{Source: "bing", Medium: "cpc", ClickIDKind: "msclkid", ReferrerHost: "www.bing.com", Channel: "Paid Search"}},
		{"msclkid through DuckDuckGo", shop + "?msclkid=1", "https://duckduckgo.com/", Source{Source: "duckduckgo", Medium: "cpc", ClickIDKind: "msclkid", ReferrerHost: "duckduckgo.com", Channel: "Paid Search"}},
		{"ttclid", shop + "?ttclid=1", "", Source{Source: "tiktok", Medium: "cpc", ClickIDKind: "ttclid", Channel: "Paid Social"}},
		{"twclid", shop + "?twclid=1", "https://t.co/abc", Source{Source: "x", Medium: "cpc", ClickIDKind: "twclid", ReferrerHost: "t.co", Channel: "Paid Social"}},
		{"bd_vid", shop + "?bd_vid=1", "https://www.baidu.com/", Source{Source: "baidu", Medium: "cpc", ClickIDKind: "bd_vid", ReferrerHost: "www.baidu.com", Channel: "Paid Search"}},
		{"qz_gdt", shop + "?qz_gdt=1", "", Source{Source: "tencent", Medium: "cpc", ClickIDKind: "qz_gdt", Channel: "Paid Social"}},
		{"qz_gdt in WeChat", shop + "?qz_gdt=1&utm_source=wechat", "", Source{Source: "wechat", Medium: "cpc", ClickIDKind: "qz_gdt", Channel: "Paid Social"}},
		{"an empty click id is none", shop + "?gclid=", "", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},

		{"unknown site", shop, "https://www.News.Example:8443/a?q=secret", Source{Source: "news.example", Medium: "referral", ReferrerHost: "www.news.example", Channel: "Referral"}},
		{"look-alike of a search engine", shop, "https://google.com.evil.example/", Source{Source: "google.com.evil.example", Medium: "referral", ReferrerHost: "google.com.evil.example", Channel: "Referral"}},
		{"look-alike before the brand", shop, "https://notgoogle.com/", Source{Source: "notgoogle.com", Medium: "referral", ReferrerHost: "notgoogle.com", Channel: "Referral"}},
		{"payment page", shop + "thanks", "https://www.paypal.com/checkout", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
		{"sign-in page", shop, "https://accounts.google.com/", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
		{"an address is no referrer", shop, "http://192.168.1.5/", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
		{"nor is an IPv6 address", shop, "http://[2001:db8::1]/", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
		{"app as referrer", shop, "android-app://com.google.android.gm/", Source{Source: "gmail", Medium: "email", ReferrerHost: "com.google.android.gm", Channel: "Email"}},
		{"not a URL", shop, "about:blank", Source{Source: "(direct)", Medium: "(none)", Channel: "Direct"}},
	}
	for _, c := range cases {
		if got := ParseSource(c.page, c.referrer, ownShop); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

func TestParseSourceKnowsPlatforms(t *testing.T) {
	cases := []struct{ referrer, source, channel string }{
		{"https://www.google.de/", "google", ChannelOrganicSearch},
		{"https://www.google.com.hk/", "google", ChannelOrganicSearch},
		{"https://cn.bing.com/search", "bing", ChannelOrganicSearch},
		{"https://m.baidu.com/", "baidu", ChannelOrganicSearch},
		{"https://www.sogou.com/link", "sogou", ChannelOrganicSearch},
		{"https://www.so.com/s", "so", ChannelOrganicSearch},
		{"https://m.sm.cn/s", "shenma", ChannelOrganicSearch},
		{"https://search.yahoo.co.jp/", "yahoo", ChannelOrganicSearch},
		{"https://yandex.ru/", "yandex", ChannelOrganicSearch},
		{"https://search.naver.com/", "naver", ChannelOrganicSearch},
		{"https://search.brave.com/", "brave", ChannelOrganicSearch},
		{"https://m.weibo.cn/", "weibo", ChannelOrganicSocial},
		{"https://mp.weixin.qq.com/s/x", "wechat", ChannelOrganicSocial},
		{"https://link.zhihu.com/?target=x", "zhihu", ChannelOrganicSocial},
		{"https://www.xiaohongshu.com/", "xiaohongshu", ChannelOrganicSocial},
		{"https://www.douyin.com/", "douyin", ChannelOrganicSocial},
		{"https://tieba.baidu.com/p/1", "tieba", ChannelOrganicSocial},
		{"https://lm.facebook.com/", "facebook", ChannelOrganicSocial},
		{"https://www.reddit.com/r/x", "reddit", ChannelOrganicSocial},
		{"https://www.bilibili.com/video/x", "bilibili", ChannelVideo},
		{"https://m.youtube.com/", "youtube", ChannelVideo},
		{"https://v.qq.com/", "tencent video", ChannelVideo},
		{"https://chatgpt.com/", "chatgpt", ChannelAI},
		{"https://www.perplexity.ai/", "perplexity", ChannelAI},
		{"https://gemini.google.com/app", "gemini", ChannelAI},
		{"https://copilot.microsoft.com/", "copilot", ChannelAI},
		{"https://claude.ai/", "claude", ChannelAI},
		{"https://www.kimi.com/", "kimi", ChannelAI},
		{"https://www.doubao.com/chat/", "doubao", ChannelAI},
		{"https://chat.deepseek.com/", "deepseek", ChannelAI},
		{"https://yuanbao.tencent.com/", "yuanbao", ChannelAI},
		{"https://www.qianwen.com/", "qwen", ChannelAI},
		{"https://mail.google.com/", "gmail", ChannelEmail},
		{"https://mail.qq.com/", "qq mail", ChannelEmail},
	}
	for _, c := range cases {
		got := ParseSource(shop, c.referrer, ownShop)
		if got.Source != c.source || got.Channel != c.channel {
			t.Errorf("%s: %q in %q, want %q in %q", c.referrer, got.Source, got.Channel, c.source, c.channel)
		}
	}
}

func TestChannelOfNamedSources(t *testing.T) {
	cases := []struct{ source, medium, channel string }{
		{"google", "cpc", ChannelPaidSearch},
		{"百度", "sem", ChannelPaidSearch},
		{"baidu", "ocpc", ChannelPaidSearch},
		{"fb", "paid", ChannelPaidSocial},
		{"xhs", "kol", ChannelOrganicSocial},
		{"小红书", "cpe", ChannelPaidSocial},
		{"youtube", "ppc", ChannelPaidVideo},
		{"criteo", "retargeting", ChannelDisplay},
		{"partner-a", "cpc", ChannelPaidOther},
		{"google", "organic", ChannelOrganicSearch},
		{"instagram", "organic", ChannelOrganicSocial},
		{"unknown", "organic", ChannelOrganicSearch},
		{"bilibili", "", ChannelVideo},
		{"chatgpt.com", "", ChannelAI},
		{"chatgpt.com", "referral", ChannelAI},
		{"newsletter", "", ChannelEmail},
		{"sms", "", ChannelMessaging},
		{"app", "app-push", ChannelMessaging},
		{"partner-a", "referral", ChannelReferral},
		{"partner-a", "qr", ChannelOther},
		{"taobaoke", "cps", ChannelAffiliates},
		{"google", "cpm", ChannelDisplay},
		{"any", "video", ChannelVideo},
		{"any", "llm", ChannelAI},
		{"weixin", "", ChannelOrganicSocial},
	}
	for _, c := range cases {
		got := ParseSource(shop+"?utm_source="+c.source+"&utm_medium="+c.medium, "", nil)
		if got.Channel != c.channel {
			t.Errorf("%s / %s: %q, want %q", c.source, c.medium, got.Channel, c.channel)
		}
	}
}

func TestConsentedLaterIsNeverDirect(t *testing.T) {
	if s := ConsentedLater(); s.Source != "(consented later)" || s.Channel == ChannelDirect {
		t.Errorf("got %+v", s)
	}
}

func TestStartsSession(t *testing.T) {
	parse := func(page, referrer string) Source { return ParseSource(page, referrer, ownShop) }
	direct := parse(shop, "")
	internal := parse(shop, "https://shop.example/b")
	google := parse(shop, "https://www.google.com/")
	news := parse(shop, "https://news.example/")
	summer := parse(shop+"?utm_source=google&utm_medium=cpc&utm_campaign=summer", "https://www.google.com/")
	winter := parse(shop+"?utm_source=google&utm_medium=cpc&utm_campaign=winter", "https://www.google.com/")
	summerAgain := parse(shop+"b?utm_source=google&utm_medium=cpc&utm_campaign=summer", "https://shop.example/")
	clicked := parse(shop+"?gclid=1", "https://www.google.com/")
	cases := []struct {
		name      string
		prev, cur Source
		want      bool
	}{
		{"page of the site", google, internal, false},
		{"direct after anything", summer, direct, false},
		{"reload of the landing page", google, google, false},
		{"reload with campaign", summer, summer, false},
		{"campaign kept in internal links", summer, summerAgain, false},
		{"other campaign", summer, winter, true},
		{"click id", google, clicked, true},
		{"other referrer", google, news, true},
		{"referrer after direct", direct, news, true},
		{"referrer after a source that was not kept", ConsentedLater(), news, true},
		{"source that is not kept", google, ConsentedLater(), false},
		{"campaign after organic", google, summer, true},
	}
	for _, c := range cases {
		if got := StartsSession(c.prev, c.cur); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSourceHoldsNoClickIDAndIsBounded(t *testing.T) {
	got := ParseSource(shop+"?gclid=SECRETVALUE&utm_source="+strings.Repeat("a ", 4000)+"&utm_campaign="+strings.Repeat("%E5%8F%8C", 800), "https://"+strings.Repeat("a.", 200)+"example/", nil)
	for _, s := range []string{got.Source, got.Medium, got.Campaign, got.Content, got.Term, got.CampaignID, got.ClickIDKind, got.ReferrerHost, got.Channel} {
		if strings.Contains(s, "SECRET") || len(s) > 253 {
			t.Errorf("kept %q", s)
		}
	}
	if len(got.Source) > maxValue || len(got.Campaign) > maxValue {
		t.Errorf("source has %d bytes, campaign %d", len(got.Source), len(got.Campaign))
	}
}

func FuzzParseSource(f *testing.F) {
	f.Add(shop+"?utm_source=a&gclid=%zz#utm_medium=x", "https://www.google.com/")
	f.Add("HTTP://user:pass@[::1]:80/%2f?a=b", "android-app://x/")
	f.Fuzz(func(t *testing.T, page, referrer string) {
		s := ParseSource(page, referrer, ownShop)
		if s.Channel == "" || s.Source == "" && s.Medium == "" {
			t.Fatalf("%q, %q gave %+v", page, referrer, s)
		}
		if StartsSession(s, s) {
			t.Fatalf("%+v starts a session after itself", s)
		}
		p := ParsePage(page)
		if strings.ContainsAny(p.Path, "?#") || len(p.Path) > maxPath || strings.ToLower(p.Host) != p.Host {
			t.Fatalf("%q gave %+v", page, p)
		}
	})
}

func BenchmarkParseSourceDirect(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseSource("https://www.shop.example/products/shoes?color=red", "https://www.shop.example/", ownShop)
	}
}

func BenchmarkParseSourceCampaign(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseSource("https://www.shop.example/?utm_source=google&utm_medium=cpc&utm_campaign=summer-sale&gclid=x", "https://www.google.com/", ownShop)
	}
}
