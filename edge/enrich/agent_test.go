package enrich

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	winChrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	droid     = "Mozilla/5.0 (Linux; Android 14; "
	webkit    = ") AppleWebKit/537.36 (KHTML, like Gecko) "
	iPhone    = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
	iPad      = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
)

// people are agents of browsers and of apps with a browser inside, as they are sent.
var people = []struct{ ua, browser, os, device string }{
	{winChrome, "Chrome", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "Chrome", "macOS", DeviceDesktop},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "Chrome", "Linux", DeviceDesktop},
	{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "Chrome", "ChromeOS", DeviceDesktop},
	{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "Chrome", "Android", DeviceTablet},
	{iPhone + "CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1", "Chrome", "iOS", DeviceMobile},
	{iPad + "CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1", "Chrome", "iOS", DeviceTablet},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15", "Safari", "macOS", DeviceDesktop},
	{iPhone + "Version/26.1 Mobile/15E148 Safari/604.1", "Safari", "iOS", DeviceMobile},
	{iPad + "Version/18.6 Mobile/15E148 Safari/604.1", "Safari", "iOS", DeviceTablet},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "macOS", DeviceDesktop},
	{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Linux", DeviceDesktop},
	{"Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "FreeBSD", DeviceDesktop},
	{"Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox", "Android", DeviceMobile},
	{"Mozilla/5.0 (Android 14; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox", "Android", DeviceTablet},
	{iPhone + "FxiOS/145.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iOS", DeviceMobile},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge", "macOS", DeviceDesktop},
	{droid + "SM-S921B" + webkit + "Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0", "Edge", "Android", DeviceMobile},
	{iPhone + "Version/18.0 EdgiOS/142.0.3595.66 Mobile/15E148 Safari/604.1", "Edge", "iOS", DeviceMobile},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/123.0.0.0", "Opera", "Windows", DeviceDesktop},
	{droid + "SM-A556B" + webkit + "Chrome/141.0.0.0 Mobile Safari/537.36 OPR/92.0.0.0", "Opera", "Android", DeviceMobile},
	{iPhone + "Version/18.6 Mobile/15E148 Safari/604.1 OPT/6.1.0", "Opera", "iOS", DeviceMobile},
	{"Opera/9.80 (Android; Opera Mini/81.0.2254/191.361; U; en) Presto/2.12.423 Version/12.16", "Opera Mini", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36", "Samsung Internet", "Android", DeviceTablet},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.6.3797.63", "Vivaldi", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 YaBrowser/25.8.0.0 Safari/537.36", "Yandex Browser", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Whale/4.33.325.17 Safari/537.36", "Whale", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)", "Internet Explorer", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) coc_coc_browser/139.0.0 Chrome/133.0.0.0 Safari/537.36", "Coc Coc", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/140.2.1 like Chrome/140.0.7339.51 Safari/537.36", "Amazon Silk", "Android", DeviceTablet},
	{iPhone + "Version/18.6 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15", "DuckDuckGo", "iOS", DeviceMobile},
	{iPhone + "GSA/390.0.826519321 Mobile/15E148 Safari/604.1", "Google App", "iOS", DeviceMobile},
	{"Mozilla/5.0 (Linux; arm_64; Android 13; SM-G965F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 YaBrowser/25.8.0.0.00 SA/3 Mobile Safari/537.36", "Yandex Browser", "Android", DeviceMobile},
	{"Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5", "Firefox", "KaiOS", DeviceMobile},
	{droid + "CUBOT X70" + webkit + "Chrome/130.0.0.0 Mobile Safari/537.36", "Chrome", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; Android 10; CUBOT_P40) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36", "Chrome", "Android", DeviceMobile},
	// apps
	{iPhone + "Mobile/15E148 [FBAN/FBIOS;FBAV/530.0.0.41.107;FBBV/792134567;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.6;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5]", "Facebook", "iOS", DeviceMobile},
	{droid + "SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.48 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/530.0.0.48.74;]", "Facebook", "Android", DeviceMobile},
	{iPhone + "Mobile/15E148 Instagram 405.0.0.28.83 (iPhone15,2; iOS 18_6; en_US; en; scale=3.00; 1179x2556; 792134567)", "Instagram", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 musical_ly_42.3.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en Region/US", "TikTok", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 [LinkedInApp]/9.31.2", "LinkedIn", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 Twitter for iPhone/11.39", "X", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 Snapchat/13.62.0.40 (like Safari/8621.1.15, panda)", "Snapchat", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 Safari Line/15.18.0", "LINE", "iOS", DeviceMobile},
	{droid + "SM-S911N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36 KAKAOTALK/25.9.2 (INAPP)", "KakaoTalk", "Android", DeviceMobile},
	{droid + "SM-S911N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Whale/1.0.0.0 Crosswalk/29.141.0.19 Mobile Safari/537.36 NAVER(inapp; search; 2000; 12.15.6)", "NAVER", "Android", DeviceMobile},
	// Chinese browsers and apps
	{iPhone + "Mobile/15E148 MicroMessenger/8.0.65(0x18004131) NetType/WIFI Language/zh_CN", "WeChat", "iOS", DeviceMobile},
	{droid + "V2324A Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/134.0.6998.136 Mobile Safari/537.36 XWEB/1340157 MMWEBSDK/20250202 MMWEBID/5678 MicroMessenger/8.0.58.2841(0x28003A35) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64", "WeChat", "Android", DeviceMobile},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090c33) XWEB/14315 Flue", "WeChat", "Windows", DeviceDesktop},
	{iPhone + "Mobile/15E148 wxwork/4.1.38 MicroMessenger/7.0.1 Language/zh ColorScheme/Light", "WeCom", "iOS", DeviceMobile},
	{"Mozilla/5.0 (Linux; U; Android 14; zh-cn; 23127PN0CC Build/UKQ1.230804.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/109.0.5414.118 Mobile Safari/537.36 XiaoMi/MiuiBrowser/19.5.40715", "Mi Browser", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; U; Android 13; zh-CN; PGKM10 Build/TP1A.220905.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/17.1.9.1388 Mobile Safari/537.36", "UC Browser", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; U; Android 13; zh-CN; M2012K11AC Build/TKQ1.220829.002) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 Quark/7.9.2.850 Mobile Safari/537.36", "Quark", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; U; Android 14; zh-cn; 2211133C Build/UKQ1.230804.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/121.0.6167.71 MQQBrowser/17.3 Mobile Safari/537.36 COVC/047601", "QQ Browser", "Android", DeviceMobile},
	{"Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36 Core/1.116.569.400 QQBrowser/19.0.6469.400", "QQ Browser", "Windows", DeviceDesktop},
	{iPhone + "Mobile/15E148 QQ/9.1.75.605 V1_IPH_SQ_9.1.75_1_APP_A Pixel/1179 SimpleUISwitch/0 StudyMode/0", "QQ", "iOS", DeviceMobile},
	{"Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00; HMSCore 6.15.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.5735.196 HuaweiBrowser/16.0.6.303 Mobile Safari/537.36", "Huawei Browser", "HarmonyOS", DeviceMobile},
	{"Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile HuaweiBrowser/5.1.4.311", "Huawei Browser", "HarmonyOS", DeviceMobile},
	{"Mozilla/5.0 (Tablet; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 HuaweiBrowser/5.1.4.311", "Huawei Browser", "HarmonyOS", DeviceTablet},
	{"Mozilla/5.0 (Linux; U; Android 14; zh-cn; PHZ110 Build/UP1A.231005.007) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/115.0.5790.168 Mobile Safari/537.36 HeyTapBrowser/40.10.5.2", "HeyTap Browser", "Android", DeviceMobile},
	{"Mozilla/5.0 (Linux; Android 14; V2309A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/123.0.6312.118 Mobile Safari/537.36 VivoBrowser/25.0.0.0", "vivo Browser", "Android", DeviceMobile},
	{"Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/86.0.4240.198 Safari/537.36 QIHU 360SE", "360", "Windows", DeviceDesktop},
	{"Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.87 Safari/537.36 SE 2.X MetaSr 1.0", "Sogou", "Windows", DeviceDesktop},
	{iPhone + "Mobile/15E148 SP-engine/3.43.0 main%2F1.0 baiduboxapp/15.25.5.10 (Baidu; P2 18.6) NABar/1.0", "Baidu", "iOS", DeviceMobile},
	{droid + "2211133C; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/127.0.0.0 Mobile Safari/537.36 Weibo (Xiaomi-2211133C__weibo__15.9.1__android__android14)", "Weibo", "Android", DeviceMobile},
	{iPhone + "Mobile/15E148 aweme_36.2.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/zh Region/CN", "Douyin", "iOS", DeviceMobile},
	{iPhone + "Mobile/21E236 AliApp(TB/10.52.10) WindVane/8.7.2 1179x2556 WK", "Taobao", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 ChannelId(2) NebulaSDK/1.8.100112 Nebula AlipayClient/10.7.66 AliApp(AP/10.7.66) Language/zh-Hans", "Alipay", "iOS", DeviceMobile},
	{droid + "PJX110; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 xhsminiapp/3.8 discover/8.95.1", "Xiaohongshu", "Android", DeviceMobile},
	{iPhone + "Mobile/15E148 osee2unifiedRelease/22108 osee2unifiedReleaseVersion/10.70.0 ZhihuHybrid", "Zhihu", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 BiliApp/86400100 os/ios mobi_app/iphone", "Bilibili", "iOS", DeviceMobile},
	{iPhone + "Mobile/15E148 AliApp(DingTalk/7.8.10) com.laiwang.DingTalk/45234567 Channel/201200 Language/zh-Hans-CN", "DingTalk", "iOS", DeviceMobile},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 Lark/7.40.8 LarkLocale/zh_CN", "Feishu", "Windows", DeviceDesktop},
	// televisions, consoles
	{"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36", "Safari", "Tizen", DeviceTV},
	{"Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.270 Safari/537.36 WebAppManager", "Chrome", "webOS", DeviceTV},
	{"Mozilla/5.0 (Linux; Android 11; AFTKM Build/RS8157) AppleWebKit/537.36 (KHTML, like Gecko) Silk/140.2.1 like Chrome/140.0.7339.51 Safari/537.36", "Amazon Silk", "Android", DeviceTV},
	{"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH21) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36", "Chrome", "Android", DeviceTV},
	{"Mozilla/5.0 (PlayStation; PlayStation 5/10.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15", "PlayStation Browser", "PlayStation", DeviceOther},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edge/44.18363.8131", "Edge", "Xbox", DeviceOther},
}

// Families and classes, no version, no model: clause 2.2.2.1.
func TestPolicy_2_2_2_1_AgentKeepsFamilyAndClass(t *testing.T) {
	agents := NewAgents()
	for _, c := range people {
		want := Agent{Browser: c.browser, OS: c.os, Device: c.device}
		if got := agents.Parse([]byte(c.ua)); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", c.ua, got, want)
		}
	}
}

// machines are agents of programs.
var machines = []struct{ ua, reason string }{
	{"", MachineEmpty},
	{"  ", MachineEmpty},
	{"Mozilla/5.0", MachineMalformed},
	{"-", MachineMalformed},
	{"Mozilla/5.0 (\x01) x", MachineMalformed},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36", MachineHeadless},
	{"Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", MachineHeadless},
	{"Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/22.1.0", MachineHeadless},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Cypress/13.15.0 Electron/27", MachineHeadless},
	{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", MachineCrawler},
	{"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.7390.122 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", MachineCrawler},
	{"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", MachineCrawler},
	{"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", MachineCrawler},
	{"Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)", MachineCrawler},
	{"Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/69.0.3497.81 YisouSpider/5.0 Safari/537.36", MachineCrawler},
	{"Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)", MachineCrawler},
	{"Mozilla/5.0 (Linux; Android 7.0;) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)", MachineCrawler},
	{"Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0); 360Spider", MachineCrawler},
	{"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", MachineCrawler},
	{"Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)", MachineCrawler},
	{"DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", MachineCrawler},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)", MachineCrawler},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", MachineCrawler},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot", MachineCrawler},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", MachineCrawler},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)", MachineCrawler},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot) Chrome/119.0.6045.214 Safari/537.36", MachineCrawler},
	{"CCBot/2.0 (https://commoncrawl.org/faq/)", MachineCrawler},
	{"meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)", MachineCrawler},
	{"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", MachineCrawler},
	{"Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)", MachineCrawler},
	{"Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)", MachineCrawler},
	{"Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)", MachineCrawler},
	{"Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)", MachineCrawler},
	{"AdsBot-Google (+http://www.google.com/adsbot.html)", MachineCrawler},
	{"Mediapartners-Google", MachineCrawler},
	{"Screaming Frog SEO Spider/21.4", MachineCrawler},
	{"Feedly/1.0 (+http://www.feedly.com/fetcher.html; 10 subscribers; like FeedFetcher-Google)", MachineCrawler},
	{"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", MachinePreview},
	{"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", MachinePreview},
	{"Slack-ImgProxy (+https://api.slack.com/robots)", MachinePreview},
	{"Twitterbot/1.0", MachinePreview},
	{"LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", MachinePreview},
	{"WhatsApp/2.23.20.0 A", MachinePreview},
	{"TelegramBot (like TwitterBot)", MachinePreview},
	{"Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", MachinePreview},
	{"Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", MachinePreview},
	{"Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)", MachinePreview},
	{"Pinterest/0.2 (+https://www.pinterest.com/bot.html)", MachinePreview},
	{"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", MachinePreview},
	{"facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984", MachinePreview},
	{"curl/8.5.0", MachineLibrary},
	{"Wget/1.21.4", MachineLibrary},
	{"python-requests/2.32.3", MachineLibrary},
	{"Python/3.12 aiohttp/3.10.5", MachineLibrary},
	{"Go-http-client/1.1", MachineLibrary},
	{"Go-http-client/2.0", MachineLibrary},
	{"Java/17.0.9", MachineLibrary},
	{"okhttp/4.12.0", MachineLibrary},
	{"Apache-HttpClient/4.5.14 (Java/17.0.9)", MachineLibrary},
	{"libwww-perl/6.72", MachineLibrary},
	{"GuzzleHttp/7", MachineLibrary},
	{"axios/1.7.7", MachineLibrary},
	{"node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", MachineLibrary},
	{"PostmanRuntime/7.42.0", MachineLibrary},
	{"Scrapy/2.11.2 (+https://scrapy.org)", MachineLibrary},
	{"Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.4391", MachineLibrary},
	{"Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse", MachineMonitor},
	{"Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", MachineMonitor},
	{"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", MachineMonitor},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 PTST/250901.120000", MachineMonitor},
	{"Datadog/Synthetics", MachineMonitor},
	{"kube-probe/1.31", MachineMonitor},
	{"check_http/v2.3.3 (nagios-plugins 2.3.3)", MachineMonitor},
	{"sqlmap/1.8.9#stable (https://sqlmap.org)", MachineScanner},
	{"Mozilla/5.0 zgrab/0.x", MachineScanner},
	{"Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)", MachineScanner},
	{"Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)", MachineScanner},
	{"Mozilla/5.0 (compatible; inoreader.com; 2 subscribers)", MachineCrawler},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/27.0.1453 Safari/537.36 (compatible; Google-HotelAdsVerifier/2.0)", MachineCrawler},
	{"Unknown Fetcher (see https://example.org/about)", MachineCrawler},
}

func TestParseAgentOfMachines(t *testing.T) {
	agents := NewAgents()
	for _, c := range machines {
		got := agents.Parse([]byte(c.ua))
		if !got.Machine || got.MachineReason != c.reason {
			t.Errorf("%q: machine %v, reason %q, want %q", c.ua, got.Machine, got.MachineReason, c.reason)
		}
	}
	if len(people) < 60 || len(machines) < 60 {
		t.Fatalf("%d people and %d machines in the tables, want 60 of each", len(people), len(machines))
	}
}

func TestParseAgentKeepsNoReferenceToItsInput(t *testing.T) {
	agents := NewAgents()
	ua := []byte(winChrome)
	first := agents.Parse(ua)
	for i := range ua {
		ua[i] = 'x'
	}
	if again := agents.Parse([]byte(winChrome)); again != first || again.Browser != "Chrome" {
		t.Errorf("after the input changed: %+v, before: %+v", again, first)
	}
}

func TestParseAgentLooksAt512Bytes(t *testing.T) {
	agents := NewAgents()
	ua := winChrome + strings.Repeat(" ", maxAgent-len(winChrome))
	if got := agents.Parse([]byte(ua + "Googlebot")); got.Machine {
		t.Errorf("text behind the cap was read: %+v", got)
	}
}

func TestAgentCacheStaysBounded(t *testing.T) {
	agents := NewAgents()
	for i := range 3 * agentCacheSlots {
		agents.Parse(fmt.Appendf(nil, "%s x/%d", winChrome, i))
	}
	held := 0
	for i := range agents.cache {
		if agents.cache[i].Load() != nil {
			held++
		}
	}
	if held < agentCacheSlots/2 {
		t.Errorf("%d of %d slots in use: the hash does not spread", held, agentCacheSlots)
	}
	if n := testing.AllocsPerRun(100, func() { agents.Parse([]byte(winChrome)) }); n != 0 {
		t.Errorf("a hit in the cache allocates %v times", n)
	}
}

func FuzzParseAgent(f *testing.F) {
	for _, c := range people {
		f.Add([]byte(c.ua))
	}
	for _, c := range machines {
		f.Add([]byte(c.ua))
	}
	agents := NewAgents()
	devices := map[string]bool{DeviceMobile: true, DeviceTablet: true, DeviceDesktop: true, DeviceTV: true, DeviceOther: true}
	f.Fuzz(func(t *testing.T, ua []byte) {
		got := agents.Parse(ua)
		if !devices[got.Device] || got.Machine != (got.MachineReason != "") || !utf8.ValidString(got.Browser) {
			t.Fatalf("%q gave %+v", ua, got)
		}
		if again := agents.Parse(ua); again != got {
			t.Fatalf("%q gave %+v, then %+v", ua, got, again)
		}
	})
}

func BenchmarkParseAgentCached(b *testing.B) {
	agents, ua := NewAgents(), []byte(winChrome)
	b.ReportAllocs()
	for b.Loop() {
		agents.Parse(ua)
	}
}

func BenchmarkParseAgentNew(b *testing.B) {
	agents, ua := NewAgents(), []byte(winChrome)
	b.ReportAllocs()
	for b.Loop() {
		agents.parse(ua)
	}
}

func BenchmarkParseAgentHostile(b *testing.B) {
	agents, ua := NewAgents(), []byte(strings.Repeat("Mozilla/5.0 (bo", 40)[:maxAgent])
	b.ReportAllocs()
	for b.Loop() {
		agents.parse(ua)
	}
}
