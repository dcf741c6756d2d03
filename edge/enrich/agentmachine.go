package enrich

import "bytes"

// machineSigns are texts that only programs write into their user agent, in lower
// case. The more telling reason stands first: a headless browser of a monitor is
// headless. Sources: what the operators document about their own agents.
var machineSigns = []sign{
	{"headless", MachineHeadless},
	{"phantomjs", MachineHeadless},
	{"slimerjs", MachineHeadless},
	{"puppeteer", MachineHeadless},
	{"playwright", MachineHeadless},
	{"selenium", MachineHeadless},
	{"webdriver", MachineHeadless},
	{"cypress/", MachineHeadless},
	{"jsdom/", MachineHeadless},
	{"htmlunit", MachineHeadless},
	{"nightmare", MachineHeadless},
	{"casperjs", MachineHeadless},
	{"splash ", MachineHeadless},
	{"wkhtmlto", MachineHeadless},

	{"lighthouse", MachineMonitor},
	{"page speed", MachineMonitor},
	{"pagespeed", MachineMonitor},
	{"ptst/", MachineMonitor},
	{"gtmetrix", MachineMonitor},
	{"pingdom", MachineMonitor},
	{"uptimerobot", MachineMonitor},
	{"statuscake", MachineMonitor},
	{"site24x7", MachineMonitor},
	{"newrelic", MachineMonitor},
	{"datadog", MachineMonitor},
	{"checkly", MachineMonitor},
	{"better uptime", MachineMonitor},
	{"betterstack", MachineMonitor},
	{"freshping", MachineMonitor},
	{"hetrixtools", MachineMonitor},
	{"catchpoint", MachineMonitor},
	{"ruxit", MachineMonitor},
	{"dynatrace", MachineMonitor},
	{"check_http", MachineMonitor},
	{"zabbix", MachineMonitor},
	{"blackbox", MachineMonitor},
	{"kube-probe", MachineMonitor},
	{"healthcheck", MachineMonitor},
	{"googlehc", MachineMonitor},
	{"uptime", MachineMonitor},
	{"nagios", MachineMonitor},
	{"monitis", MachineMonitor},
	{"alertsite", MachineMonitor},
	{"prometheus/", MachineMonitor},

	{"facebookexternalhit", MachinePreview},
	{"facebookcatalog", MachinePreview},
	{"facebot", MachinePreview},
	{"slackbot", MachinePreview},
	{"slack-imgproxy", MachinePreview},
	{"twitterbot", MachinePreview},
	{"linkedinbot", MachinePreview},
	{"whatsapp/", MachinePreview},
	{"telegrambot", MachinePreview},
	{"discordbot", MachinePreview},
	{"skypeuripreview", MachinePreview},
	{"viber/", MachinePreview},
	{"pinterestbot", MachinePreview},
	{"pinterest/0.", MachinePreview},
	{"redditbot", MachinePreview},
	{"embedly", MachinePreview},
	{"iframely", MachinePreview},
	{"vkshare", MachinePreview},
	{"bingpreview", MachinePreview},
	{"microsoftpreview", MachinePreview},
	{"google-pagerenderer", MachinePreview},
	{"google web preview", MachinePreview},
	{"mattermost-bot", MachinePreview},
	{"line-poker", MachinePreview},
	{"kakaotalk-scrap", MachinePreview},
	{"snap url preview", MachinePreview},
	{"bitlybot", MachinePreview},
	{"imageproxy", MachinePreview},
	{"mailproxy", MachinePreview},
	{"ggpht.com", MachinePreview},
	{"bluesky cardyb", MachinePreview},
	{"mastodon/", MachinePreview},
	{"preview", MachinePreview},
	{"nuzzel", MachinePreview},

	{"sqlmap", MachineScanner},
	{"nikto", MachineScanner},
	{"nmap", MachineScanner},
	{"masscan", MachineScanner},
	{"zgrab", MachineScanner},
	{"nuclei", MachineScanner},
	{"wpscan", MachineScanner},
	{"censys", MachineScanner},
	{"expanse", MachineScanner},
	{"acunetix", MachineScanner},
	{"nessus", MachineScanner},
	{"qualys", MachineScanner},
	{"burp", MachineScanner},
	{"dirbuster", MachineScanner},
	{"gobuster", MachineScanner},
	{"barracuda", MachineScanner},
	{"proofpoint", MachineScanner},
	{"securityscanner", MachineScanner},
	{"netcraft", MachineScanner},
	{"urlscan", MachineScanner},
	{"internetmeasurement", MachineScanner},
	{"odin;", MachineScanner},

	{"curl/", MachineLibrary},
	{"wget", MachineLibrary},
	{"python", MachineLibrary},
	{"aiohttp", MachineLibrary},
	{"httpx", MachineLibrary},
	{"go-http-client", MachineLibrary},
	{"java/", MachineLibrary},
	{"okhttp", MachineLibrary},
	{"httpclient", MachineLibrary},
	{"libwww", MachineLibrary},
	{"lwp-", MachineLibrary},
	{"rest-client", MachineLibrary},
	{"php/", MachineLibrary},
	{"guzzle", MachineLibrary},
	{"axios/", MachineLibrary},
	{"node-fetch", MachineLibrary},
	{"node.js", MachineLibrary},
	{"undici", MachineLibrary},
	{"got (", MachineLibrary},
	{"scrapy", MachineLibrary},
	{"postmanruntime", MachineLibrary},
	{"insomnia/", MachineLibrary},
	{"dart/", MachineLibrary},
	{"reqwest", MachineLibrary},
	{"hyper/", MachineLibrary},
	{"fasthttp", MachineLibrary},
	{"resty", MachineLibrary},
	{"restsharp", MachineLibrary},
	{"winhttp", MachineLibrary},
	{"powershell", MachineLibrary},
	{"faraday", MachineLibrary},
	{"typhoeus", MachineLibrary},
	{"colly", MachineLibrary},
	{"jakarta", MachineLibrary},
	{"superagent", MachineLibrary},
	{"deno/", MachineLibrary},
	{"bun/", MachineLibrary},
	{"apachebench", MachineLibrary},
	{"k6/", MachineLibrary},
	{"wrk/", MachineLibrary},
	{"vegeta", MachineLibrary},
	{"jmeter", MachineLibrary},

	{"crawl", MachineCrawler},
	{"spider", MachineCrawler},
	{"slurp", MachineCrawler},
	{"mediapartners-google", MachineCrawler},
	{"google-inspectiontool", MachineCrawler},
	{"googleother", MachineCrawler},
	{"google-", MachineCrawler},
	{"google favicon", MachineCrawler},
	{"google search console", MachineCrawler},
	{"feedfetcher", MachineCrawler},
	{"google_", MachineCrawler},
	{"transcoder", MachineCrawler},
	{"siteimprove", MachineCrawler},
	{"sitesucker", MachineCrawler},
	{"datanyze", MachineCrawler},
	{"indy library", MachineLibrary},
	{"storebot", MachineCrawler},
	{"ia_archiver", MachineCrawler},
	{"archive.org", MachineCrawler},
	{"chatgpt-user", MachineCrawler},
	{"oai-searchbot", MachineCrawler},
	{"claude-web", MachineCrawler},
	{"claude-user", MachineCrawler},
	{"anthropic-ai", MachineCrawler},
	{"perplexity-user", MachineCrawler},
	{"cohere-ai", MachineCrawler},
	{"meta-external", MachineCrawler},
	{"duckassist", MachineCrawler},
	{"mistralai-user", MachineCrawler},
	{"yandeximages", MachineCrawler},
	{"yandexmetrika", MachineCrawler},
	{"yadirectfetcher", MachineCrawler},
	{"baidu-yunguance", MachineMonitor},
	{"haosou", MachineCrawler},
	{"sogou inst", MachineCrawler},
	{"heritrix", MachineCrawler},
	{"nutch", MachineCrawler},
	{"screaming frog", MachineCrawler},
	{"seokicks", MachineCrawler},
	{"semrush", MachineCrawler},
	{"ahrefs", MachineCrawler},
	{"sistrix", MachineCrawler},
	{"feedly", MachineCrawler},
	{"newsblur", MachineCrawler},
	{"dataprovider", MachineCrawler},
	{"w3c_", MachineCrawler},
	{"validator", MachineCrawler},
	{"prerender", MachineCrawler},
	{"scraper", MachineCrawler},
	{"timpibot", MachineCrawler},
	{"builtwith", MachineCrawler},
	{"wappalyzer", MachineCrawler},
}

// machineReason gives the reason to call an agent in lower case a machine, or "".
func machineReason(lower []byte, signed string) string {
	switch {
	case len(bytes.TrimSpace(lower)) == 0:
		return MachineEmpty
	case signed != "":
		return signed
	case saysBot(lower), compatibleWithNothing(lower):
		return MachineCrawler
	}
	for _, c := range lower {
		if c < ' ' || c == 0x7f {
			return MachineMalformed
		}
	}
	return ""
}

// saysBot finds "bot" but not in Cubot, which makes phones.
func saysBot(lower []byte) bool {
	for rest := lower; ; {
		at := bytes.Index(rest, []byte("bot"))
		if at < 0 {
			return false
		}
		if at < 2 || rest[at-2] != 'c' || rest[at-1] != 'u' {
			return true
		}
		rest = rest[at+3:]
	}
}

// compatibleWithNothing finds "(compatible; NAME": of the browsers only Internet
// Explorer, Konqueror and Opera ever wrote that, of the crawlers nearly all do.
func compatibleWithNothing(lower []byte) bool {
	return contains(lower, "compatible;") &&
		!contains(lower, "msie") && !contains(lower, "konqueror") && !contains(lower, "opera")
}
