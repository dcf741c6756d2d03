package banner

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestBudget fails the build when loader, banner and one language together
// outgrow Budget, in any language, for the common site and for one that uses
// every feature.
func TestBudget(t *testing.T) {
	a := assets(t)
	for name, s := range map[string]*site.Site{"shop": shop(), "everything": everything()} {
		worst, where := 0, ""
		for _, l := range a.Languages() {
			f := a.Script(View{Site: s, Language: l.Tag})
			if len(f.Brotli) > worst {
				worst, where = len(f.Brotli), l.Tag
			}
		}
		t.Logf("%s: at most %d bytes brotli (%s)", name, worst, where)
		if worst > Budget {
			t.Errorf("%s in %s: %d bytes brotli, budget %d", name, where, worst, Budget)
		}
	}
}

func TestScriptCompressedFormsAreTheBody(t *testing.T) {
	f := assets(t).Script(View{Site: shop(), Language: "en"})
	br, err := io.ReadAll(brotli.NewReader(bytes.NewReader(f.Brotli)))
	if err != nil || !bytes.Equal(br, f.Body) {
		t.Errorf("brotli differs from the body: %v", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(f.Gzip))
	if err != nil {
		t.Fatal(err)
	}
	gz, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(gz, f.Body) {
		t.Errorf("gzip differs from the body: %v", err)
	}
}
