package enrich

import "github.com/medama-io/go-useragent/agents"

// browserSigns are in order: apps with a browser inside them first, then browsers
// that name another one for compatibility's sake, those last that are named so.
var browserSigns = []sign{
	{"wxwork/", "WeCom"},
	{"micromessenger", "WeChat"},
	{"dingtalk", "DingTalk"},
	{"lark/", "Feishu"},
	{"aliapp(tb", "Taobao"},
	{"aliapp(tm", "Tmall"},
	{"alipayclient", "Alipay"},
	{"jdapp", "JD"},
	{"pinduoduo", "Pinduoduo"},
	{"weibo", "Weibo"},
	{"xhs", "Xiaohongshu"},
	{"discover/", "Xiaohongshu"},
	{"zhihuhybrid", "Zhihu"},
	{"osee2unifiedrelease", "Zhihu"},
	{"bilibili", "Bilibili"},
	{"biliapp", "Bilibili"},
	{"aweme", "Douyin"},
	{"musical_ly", "TikTok"},
	{"trill_", "TikTok"},
	{"bytedancewebview", "TikTok"},
	{"newsarticle", "Toutiao"},
	{"toutiaomicroapp", "Toutiao"},
	{"kwai", "Kuaishou"},
	{"ksnebula", "Kuaishou"},
	{"baiduboxapp", "Baidu"},
	{"baidubrowser", "Baidu"},
	{"bidubrowser", "Baidu"},
	{"mqqbrowser", "QQ Browser"},
	{"qqbrowser", "QQ Browser"},
	{" qq/", "QQ"},
	{"quark/", "Quark"},
	{"ucbrowser", "UC Browser"},
	{"ubrowser", "UC Browser"},
	{"ucweb", "UC Browser"},
	{"uc applewebkit", "UC Browser"},
	{"miuibrowser", "Mi Browser"},
	{"huaweibrowser", "Huawei Browser"},
	{"hbpc/", "Huawei Browser"},
	{"arkweb/", "Huawei Browser"},
	{"heytapbrowser", "HeyTap Browser"},
	{"vivobrowser", "vivo Browser"},
	{"honorbrowser", "Honor Browser"},
	{"honbrowser", "Honor Browser"},
	{"sogoumobilebrowser", "Sogou"},
	{"metasr", "Sogou"},
	{"sogousearch", "Sogou"},
	{"qihoobrowser", "360"},
	{"qhbrowser", "360"},
	{"360se", "360"},
	{"360ee", "360"},
	{"360 aphone", "360"},
	{"mso_app", "360"},
	{"lbbrowser", "Liebao"},
	{"2345explorer", "2345"},
	{"2345chrome", "2345"},
	{"mb2345browser", "2345"},
	{"maxthon", "Maxthon"},
	{"theworld", "TheWorld"},
	{"instagram", "Instagram"},
	{"fban/", "Facebook"},
	{"fbav/", "Facebook"},
	{"fb_iab", "Facebook"},
	{"barcelona ", "Threads"},
	{"linkedinapp", "LinkedIn"},
	{"twitter for", "X"},
	{"twitterandroid", "X"},
	{"snapchat", "Snapchat"},
	{"pinterest/", "Pinterest"},
	{" line/", "LINE"},
	{"kakaotalk", "KakaoTalk"},
	{"naver(", "NAVER"},
	{"whale/", "Whale"},
	{"gsa/", "Google App"},
	{"duckduckgo/", "DuckDuckGo"},
	{" ddg/", "DuckDuckGo"},
	{"ecosia", "Ecosia"},
	{"phoenix/", "Phoenix"},
	{"samsungbrowser", "Samsung Internet"},
	{"opera mini", "Opera Mini"},
	{"opios/", "Opera Mini"},
	{"opr/", "Opera"},
	{"opt/", "Opera"},
	{"opx/", "Opera"},
	{"opera", "Opera"},
	{"edg/", "Edge"},
	{"edga/", "Edge"},
	{"edgios/", "Edge"},
	{"edge/", "Edge"},
	{"yabrowser", "Yandex Browser"},
	{"yasearchbrowser", "Yandex Browser"},
	{"vivaldi", "Vivaldi"},
	{"coc_coc_browser", "Coc Coc"},
	{"puffin", "Puffin"},
	{"brave/", "Brave"},
	{"silk/", "Amazon Silk"},
	{"seamonkey", "SeaMonkey"},
	{"palemoon", "Pale Moon"},
	{"waterfox", "Waterfox"},
	{"fxios/", "Firefox"},
	{"focus/", "Firefox"},
	{"klar/", "Firefox"},
	{"crios/", "Chrome"},
	{"chromium/", "Chromium"},
	{"nintendobrowser", "Nintendo Browser"},
	{"nintendo ", "Nintendo Browser"},
	{"playstation", "PlayStation Browser"},
	{"trident/", "Internet Explorer"},
	{"msie ", "Internet Explorer"},
	{"firefox/", "Firefox"},
}

// browserFamily names the browser by our sign, else as go-useragent does.
func browserFamily(lower []byte, signed string, parsed agents.Browser) string {
	switch {
	case signed != "":
		return signed
	case parsed != "":
		return string(parsed)
	case contains(lower, "chrome/"):
		return "Chrome"
	case contains(lower, "safari/"):
		return "Safari"
	}
	return ""
}

// systemSigns name systems that go-useragent does not know or takes for another.
var systemSigns = []sign{
	{"openharmony", "HarmonyOS"},
	{"harmonyos", "HarmonyOS"},
	{"harmony", "HarmonyOS"},
	{"hmscore", "HarmonyOS"},
	{"windows phone", "Windows Phone"},
	{"kaios", "KaiOS"},
	{"tizen", "Tizen"},
	{"web0s", "webOS"},
	{"webos", "webOS"},
	{"playstation", "PlayStation"},
	{"nintendo", "Nintendo"},
	{"xbox", "Xbox"},
	{"iphone", "iOS"},
	{"ipad", "iOS"},
	{"ipod", "iOS"},
	{"cros ", "ChromeOS"},
	{"android", "Android"},
	{"adr ", "Android"},
	{"windows", "Windows"},
	{"mac os x", "macOS"},
	{"macintosh", "macOS"},
	{"freebsd", "FreeBSD"},
	{"openbsd", "OpenBSD"},
	{"linux", "Linux"},
}

// deviceSigns decide before the system does; the order matters, since a TV may
// call itself mobile and a console Linux.
var deviceSigns = []sign{
	{"playstation", DeviceOther},
	{"nintendo", DeviceOther},
	{"xbox", DeviceOther},
	{"watch", DeviceOther},
	{"oculusbrowser", DeviceOther},
	{"vr build", DeviceOther},
	{"smart-tv", DeviceTV},
	{"smarttv", DeviceTV},
	{"googletv", DeviceTV},
	{"google tv", DeviceTV},
	{"android tv", DeviceTV},
	{"appletv", DeviceTV},
	{"apple tv", DeviceTV},
	{"hbbtv", DeviceTV},
	{"bravia", DeviceTV},
	{"netcast", DeviceTV},
	{"web0s", DeviceTV},
	{"crkey", DeviceTV},
	{"roku", DeviceTV},
	{"mitv", DeviceTV},
	{"mibox", DeviceTV},
	{" tv ", DeviceTV},
	{"tv build", DeviceTV},
	{"dtv", DeviceTV},
	{"; aft", DeviceTV},
	{"viera", DeviceTV},
	{"vidaa", DeviceTV},
	{"chromecast", DeviceTV},
	{"ipad", DeviceTablet},
	{"tablet", DeviceTablet},
	{"kindle", DeviceTablet},
	{"playbook", DeviceTablet},
	{" kf", DeviceTablet},
	{"; sm-t", DeviceTablet},
	{"; sm-x", DeviceTablet},
	{"iphone", DeviceMobile},
	{"ipod", DeviceMobile},
	{"windows phone", DeviceMobile},
	{"kaios", DeviceMobile},
	{"opera mini", DeviceMobile},
	{"opera mobi", DeviceMobile},
}

// deviceClass tells the class by our signs, else by the system: Android and
// HarmonyOS say "mobile" on phones only.
func deviceClass(lower []byte, signed string, parsed agents.Device, system string) string {
	if signed != "" {
		return signed
	}
	mobile := contains(lower, "mobile")
	switch system {
	case "Android", "HarmonyOS":
		switch {
		case mobile || contains(lower, "phone") || contains(lower, "adr "):
			return DeviceMobile
		case contains(lower, "; pc;"):
			return DeviceDesktop
		case parsed == agents.DeviceTV:
			return DeviceTV
		}
		return DeviceTablet
	case "Windows", "macOS", "ChromeOS", "Linux", "FreeBSD", "OpenBSD":
		if mobile && system == "Linux" {
			return DeviceMobile
		}
		return DeviceDesktop
	}
	switch {
	case parsed == agents.DeviceTV:
		return DeviceTV
	case parsed == agents.DeviceTablet:
		return DeviceTablet
	case mobile || parsed == agents.DeviceMobile:
		return DeviceMobile
	}
	return DeviceOther
}
