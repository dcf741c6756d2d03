package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
)

//go:embed all:dist
var distFiles embed.FS

// Islands are parts of pages that a script brings to life; the page works
// without. Which pages have which is said where the page is made.
const (
	chartIsland  = "chart"
	filterIsland = "filter"
	linkIsland   = "link"
)

// errNotBuilt says that the program was compiled before its scripts.
var errNotBuilt = errors.New("analytics/console/dist is empty: the console's scripts were not built before the program; run make build")

// islands are the built modules, by name, and the parts that they load.
type islands struct {
	entries map[string]asset
	parts   []asset
}

func loadIslands(dist fs.FS) (*islands, error) {
	out := &islands{entries: map[string]asset{}}
	files, err := fs.Glob(dist, "dist/*.js")
	if err != nil {
		return nil, fmt.Errorf("read the built scripts: %w", err)
	}
	for _, name := range files {
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return nil, fmt.Errorf("read the built scripts: %w", err)
		}
		module := packed(strings.TrimPrefix(name, "dist/"), "text/javascript; charset=utf-8", data)
		if stem, _, _ := strings.Cut(module.name, "."); stem == "part" {
			out.parts = append(out.parts, module)
		} else {
			out.entries[stem] = module
		}
	}
	for _, name := range []string{chartIsland, filterIsland, linkIsland} {
		if out.entries[name].data == nil {
			return nil, errNotBuilt
		}
	}
	return out, nil
}

// packed is an asset with its compressed form. Pages are never compressed: they
// hold tokens beside what an address may put there, and their length would tell.
func packed(name, media string, data []byte) asset {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level exists
	_, _ = w.Write(data)                                  // into memory
	_ = w.Close()
	return asset{name, media, data, b.Bytes()}
}

// bring lets a page load islands.
func (p *page) bring(c *Console, names ...string) {
	for _, name := range names {
		p.Scripts = append(p.Scripts, c.islands.entries[name].path())
	}
}

// leave takes an island back that has nothing to stand on after all.
func (p *page) leave(c *Console, name string) {
	p.Scripts = slices.DeleteFunc(p.Scripts, func(s string) bool { return s == c.islands.entries[name].path() })
}

// scripts are the modules of the page; it tells which policy it needs.
func (p page) scripts() []string { return p.Scripts }

// allowScripts lets a page that has islands run them.
func allowScripts(h http.Header, data any) {
	if one, ok := data.(interface{ scripts() []string }); ok && len(one.scripts()) > 0 {
		h.Set("Content-Security-Policy", islandPolicy)
	}
}
