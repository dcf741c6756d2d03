package enrich

import "strings"

// platformOfName finds the platform that a utm_source in lower case means: a name
// that marketers use, or a host.
func platformOfName(name string) platform {
	switch name {
	case "google", "bing", "baidu", "sogou", "so", "shenma", "yahoo", "yandex", "naver", "duckduckgo", "ecosia", "qwant",
		"startpage", "seznam", "kagi", "brave", "daum", "coccoc", "petalsearch", "chinaso", "youdao", "ask", "aol", "mojeek",
		"swisscows", "metager", "presearch", "onesearch":
		return platform{name, kindSearch}
	case "adwords", "google ads", "google-ads", "google_ads", "googleads", "google ads search", "谷歌":
		return platform{"google", kindSearch}
	case "microsoft", "bing ads", "bingads", "microsoft ads", "microsoft-ads", "必应":
		return platform{"bing", kindSearch}
	case "百度", "baidu sem", "baidu-sem", "baidu_sem":
		return platform{"baidu", kindSearch}
	case "360", "haosou", "360so", "360搜索":
		return platform{"so", kindSearch}
	case "搜狗":
		return platform{"sogou", kindSearch}
	case "gmail", "qq mail", "netease mail", "outlook", "yahoo mail", "aliyun mail", "webmail":
		return platform{name, kindMail}
	case "doubleclick", "taboola", "outbrain", "criteo", "adroll", "gdn", "dv360":
		return platform{name, kindDisplay}
	case "youtube", "bilibili", "iqiyi", "youku", "vimeo", "twitch", "dailymotion", "tencent video", "ixigua", "nicovideo",
		"acfun", "mgtv", "rutube":
		return platform{name, kindVideo}
	case "yt":
		return platform{"youtube", kindVideo}
	case "b站":
		return platform{"bilibili", kindVideo}
	case "chatgpt", "openai", "perplexity", "claude", "gemini", "copilot", "kimi", "doubao", "deepseek", "ernie", "yuanbao",
		"qwen", "tongyi", "mistral", "poe", "you", "phind", "meta-ai", "grok", "metaso", "tiangong", "hailuoai", "genspark",
		"felo", "chatglm", "andisearch":
		return platform{name, kindAI}
	}
	if p := socialName(name); p.kind != kindNone {
		return p
	}
	if strings.IndexByte(name, '.') > 0 {
		return platformOfHost(name)
	}
	return platform{}
}

func socialName(name string) platform {
	switch name {
	case "facebook", "instagram", "x", "linkedin", "tiktok", "douyin", "weibo", "wechat", "tencent", "qq", "qzone", "zhihu",
		"xiaohongshu", "kuaishou", "pinterest", "reddit", "threads", "whatsapp", "telegram", "vk", "odnoklassniki",
		"bluesky", "hackernews", "line", "toutiao", "snapchat", "tumblr", "quora", "discord", "mastodon", "douban",
		"tieba", "hupu", "medium", "xing", "slack", "producthunt", "jianshu", "csdn", "juejin", "v2ex", "kakao", "note",
		"disqus", "flipboard":
		return platform{name, kindSocial}
	case "fb", "meta", "facebook ads", "facebook-ads", "facebook_ads", "facebookads", "an", "msg":
		return platform{"facebook", kindSocial}
	case "ig", "instagram ads", "igshopping":
		return platform{"instagram", kindSocial}
	case "twitter":
		return platform{"x", kindSocial}
	case "weixin", "微信", "wx", "gzh", "公众号", "moments", "朋友圈", "wechat_ads", "wechat-ads":
		return platform{"wechat", kindSocial}
	case "xhs", "rednote", "小红书", "redbook":
		return platform{"xiaohongshu", kindSocial}
	case "抖音", "oceanengine", "juliang", "巨量引擎":
		return platform{"douyin", kindSocial}
	case "微博", "sina weibo":
		return platform{"weibo", kindSocial}
	case "知乎":
		return platform{"zhihu", kindSocial}
	case "快手":
		return platform{"kuaishou", kindSocial}
	case "gdt", "guangdiantong", "广点通", "tencent_ads", "tencent-ads", "tencent ads":
		return platform{"tencent", kindSocial}
	case "今日头条":
		return platform{"toutiao", kindSocial}
	}
	return platform{}
}
