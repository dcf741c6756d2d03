package banner

import (
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// View is all that the script depends on. It never depends on a cookie.
type View struct {
	Site       *site.Site
	Language   string // from Assets.Language
	Regime     site.Regime
	GPC        bool   // Sec-GPC: 1 came with the request
	NodeRegion string // where this edge stands; empty: the site's own region
}

func (v View) away() bool {
	return v.NodeRegion != "" && v.Site.Region != "" && !strings.EqualFold(v.NodeRegion, v.Site.Region)
}

// fileKey tells composed files apart.
type fileKey struct {
	kind   string
	site   *site.Site
	lang   string
	regime site.Regime
	gpc    bool
	away   bool
}

// Script composes the answer to GET /b/{site}.js. The same view gives the same
// bytes, compressed once.
func (a *Assets) Script(v View) *File {
	if a.words[v.Language] == nil {
		v.Language = fallback
	}
	key := fileKey{"script", v.Site, v.Language, v.Regime, v.GPC, v.away()}
	return a.files.get(key, func() *File { return newFile(a.compose(v), scriptType, false) })
}

func (a *Assets) compose(v View) []byte {
	var b strings.Builder
	b.WriteString("(()=>{const $C=")
	b.Write(encode(a.config(v)))
	b.WriteString(",$T=")
	b.Write(encode(a.firstLayer(v.Site, v.Language, v.Regime)))
	b.WriteString(",$S=")
	b.Write(encode(a.sheet(v.Site)))
	b.WriteString(";")
	b.WriteString(a.dist["loader-"+features(v.Site)+".js"])
	b.WriteString("})()")
	return []byte(b.String())
}

// features names the loader built with what a site uses: see build/main.go.
func features(s *site.Site) string {
	name := ""
	if s.Minors.Ask {
		name += "a"
	}
	if len(s.BlockHosts) > 0 {
		name += "b"
	}
	if s.ConsentMode {
		name += "m"
	}
	if _, asked := s.Uses(site.CrossBorder); asked {
		name += "x"
	}
	return name
}

func (a *Assets) sheet(s *site.Site) string {
	css := theme(s) + a.dist["banner.css"]
	switch s.Banner.Layout {
	case site.Box:
		css += a.dist["box.css"]
	case site.Modal:
		css += a.dist["modal.css"]
	}
	return css
}
