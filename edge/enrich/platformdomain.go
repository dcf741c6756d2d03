package enrich

import "strings"

func socialDomain(domain string) platform {
	switch domain {
	case "facebook.com", "fb.com", "fb.me", "m.me", "messenger.com":
		return platform{"facebook", kindSocial}
	case "instagram.com", "ig.me":
		return platform{"instagram", kindSocial}
	case "twitter.com", "x.com", "t.co":
		return platform{"x", kindSocial}
	case "linkedin.com", "lnkd.in", "linkedin.cn":
		return platform{"linkedin", kindSocial}
	case "tiktok.com", "tiktokv.com":
		return platform{"tiktok", kindSocial}
	case "douyin.com", "iesdouyin.com":
		return platform{"douyin", kindSocial}
	case "weibo.com", "weibo.cn", "t.cn":
		return platform{"weibo", kindSocial}
	case "weixin.com", "wechat.com", "weixin110.qq.com":
		return platform{"wechat", kindSocial}
	case "zhihu.com":
		return platform{"zhihu", kindSocial}
	case "xiaohongshu.com", "xhslink.com", "rednote.com":
		return platform{"xiaohongshu", kindSocial}
	case "kuaishou.com", "kwai.com", "gifshow.com", "chenzhongtech.com":
		return platform{"kuaishou", kindSocial}
	case "pinterest.com", "pin.it":
		return platform{"pinterest", kindSocial}
	case "reddit.com", "redd.it":
		return platform{"reddit", kindSocial}
	case "threads.net", "threads.com":
		return platform{"threads", kindSocial}
	case "whatsapp.com", "wa.me":
		return platform{"whatsapp", kindSocial}
	case "telegram.org", "telegram.me", "t.me":
		return platform{"telegram", kindSocial}
	case "vk.com", "vk.ru":
		return platform{"vk", kindSocial}
	case "ok.ru":
		return platform{"odnoklassniki", kindSocial}
	case "bsky.app":
		return platform{"bluesky", kindSocial}
	case "ycombinator.com":
		return platform{"hackernews", kindSocial}
	case "line.me":
		return platform{"line", kindSocial}
	case "toutiao.com":
		return platform{"toutiao", kindSocial}
	case "snapchat.com", "tumblr.com", "quora.com", "discord.com", "mastodon.social", "douban.com", "hupu.com",
		"medium.com", "xing.com", "slack.com", "producthunt.com", "jianshu.com", "csdn.net", "juejin.cn", "v2ex.com",
		"kakao.com", "note.com", "disqus.com", "flipboard.com":
		name, _, _ := strings.Cut(domain, ".")
		return platform{name, kindSocial}
	}
	return platform{}
}

func otherDomain(domain string) platform {
	switch domain {
	case "youtube.com", "youtu.be", "youtube-nocookie.com":
		return platform{"youtube", kindVideo}
	case "bilibili.com", "b23.tv":
		return platform{"bilibili", kindVideo}
	case "iqiyi.com", "youku.com", "vimeo.com", "twitch.tv", "dailymotion.com", "nicovideo.jp", "ixigua.com", "acfun.cn", "mgtv.com", "rutube.ru":
		name, _, _ := strings.Cut(domain, ".")
		return platform{name, kindVideo}
	case "chatgpt.com", "openai.com":
		return platform{"chatgpt", kindAI}
	case "perplexity.ai", "claude.ai", "doubao.com", "deepseek.com", "poe.com", "you.com", "phind.com", "meta.ai",
		"grok.com", "metaso.cn", "tiangong.cn", "hailuoai.com", "genspark.ai", "felo.ai", "chatglm.cn", "andisearch.com":
		name, _, _ := strings.Cut(domain, ".")
		return platform{name, kindAI}
	case "kimi.com", "kimi.ai", "kimi.moonshot.cn", "moonshot.cn":
		return platform{"kimi", kindAI}
	case "tongyi.com", "tongyi.aliyun.com", "qianwen.com", "qwen.ai":
		return platform{"qwen", kindAI}
	case "doubleclick.net", "googlesyndication.com", "googleadservices.com":
		return platform{"doubleclick", kindDisplay}
	case "taboola.com", "outbrain.com", "criteo.com", "adnxs.com", "tanx.com", "gdt.qq.com", "e.qq.com", "adroll.com":
		name, _, _ := strings.Cut(domain, ".")
		if domain == "gdt.qq.com" || domain == "e.qq.com" {
			name = "tencent"
		}
		return platform{name, kindDisplay}
	case "paypal.com", "alipay.com", "95516.com", "unionpay.com", "klarna.com", "adyen.com", "stripe.com",
		"3dsecure.io", "arcot.com", "checkout.com", "mollie.com", "sofort.com", "worldpay.com", "okta.com", "auth0.com":
		return platform{"", kindPassage}
	}
	return platform{}
}
