package server

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/site"
)

// TestPartsAreKeptForGoodOnlyUnderTheirOwnName: whatever is answered under
// another name may change with the next version.
func TestPartsAreKeptForGoodOnlyUnderTheirOwnName(t *testing.T) {
	b := newWorld(t, []*site.Site{testSite()}).browser()
	dialog := regexp.MustCompile(`dialog\.shop\.en\.[^"]+\.js`).FindString(b.get("/b/shop.js").body)
	for name, forGood := range map[string]bool{dialog: true, "dialog.shop.en.AAAAAAAAAAAAAAAA.js": false, "clicks.js": false, "spa.js": false} {
		a := b.get("/b/part/" + name)
		if cache := a.header.Get("Cache-Control"); a.status != 200 || strings.Contains(cache, "immutable") != forGood {
			t.Errorf("%s: %d, Cache-Control %q; kept for good: want %t", name, a.status, cache, forGood)
		}
	}
}
