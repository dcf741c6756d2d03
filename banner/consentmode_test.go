package banner

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/site"
)

func TestConsentModeDefault(t *testing.T) {
	entry := regexp.MustCompile(`gtag\('consent','default',\{ad_storage:('denied'|g),.*?analytics_storage:'(\w+)'.*?wait_for_update:500(?:,region:(\[[^\]]*\]))?\}\)`)
	for name, c := range map[string]struct {
		regimes site.Regimes
		want    []string // ad_storage analytics_storage region
	}{
		"opt_in everywhere": {site.Regimes{"default": site.OptIn}, []string{"'denied' denied "}},
		"nothing said":      {nil, []string{"'denied' denied "}},
		"opt_out somewhere": {site.Regimes{"default": site.OptIn, "US": site.OptOut, "US-CA": site.OptIn}, []string{
			"'denied' denied ", `'denied' denied ["US-CA"]`, `g granted ["US"]`,
		}},
		"opt_in somewhere": {site.Regimes{"default": site.OptOut, "DE": site.OptIn, "FR": site.OptIn}, []string{
			"g granted ", `'denied' denied ["DE","FR"]`,
		}},
	} {
		text := ConsentModeDefault(&site.Site{Regimes: c.regimes})
		var got []string
		for _, m := range entry.FindAllStringSubmatch(text, -1) {
			got = append(got, m[1]+" "+m[2]+" "+m[3])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if first := strings.Index(text, "'default'"); first < strings.Index(text, "function gtag") {
			t.Errorf("%s: the default comes before gtag", name)
		}
		if !strings.Contains(text, "gtag('set','ads_data_redaction',true)") || !strings.Contains(text, "globalPrivacyControl?'denied'") {
			t.Errorf("%s: redaction or the signal is missing", name)
		}
	}
}
