package banner

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	"sync"

	"github.com/kunjicloud/kunji/edge/site"
)

// Budget is the most that loader, banner and one language may weigh together,
// in bytes of brotli: less than the smallest of the known banners, which has
// few of the features.
const Budget = 6000

//go:embed all:dist
var distFiles embed.FS

//go:embed i18n/*.json
var wordFiles embed.FS

//go:embed pages/*.html
var pageFiles embed.FS

// Assets is the visitor's side, ready to be served.
type Assets struct {
	dist  map[string]string // file name in dist → content
	words map[string]*words // by language tag
	pages *template.Template
	style *File // the pages' style sheet

	files   cache[fileKey, *File]
	parts   cache[fileKey, part]
	notices cache[noticeKey, Notice]
	sums    cache[*site.Site, string]
}

// errNotBuilt says that the program was compiled before its script.
var errNotBuilt = errors.New("banner/dist is empty: the banner was not built before the program; run make build")

// Load reads everything embedded. It fails when the scripts were not built or
// a language file is broken.
func Load() (*Assets, error) { return load(distFiles, wordFiles, pageFiles) }

func load(dist, languages, pages fs.FS) (*Assets, error) {
	a := &Assets{dist: map[string]string{}}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		a.dist[strings.TrimPrefix(name, "dist/")] = string(data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the built banner: %w", err)
	}
	if a.dist["loader-.js"] == "" {
		return nil, errNotBuilt
	}
	if a.words, err = loadWords(languages); err != nil {
		return nil, err
	}
	if a.pages, err = template.ParseFS(pages, "pages/*.html"); err != nil {
		return nil, fmt.Errorf("parse the pages: %w", err)
	}
	a.style = newFile([]byte(a.dist["pages.css"]), sheetType, true)
	return a, nil
}

// cache is a bounded map whose values are made once, by whoever asks first.
// Beyond limit the oldest entries go: sites are replaced at each reload, and
// their old files must not stay.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	items map[K]func() V
	order []K
}

// limit bounds each cache: about 20 MB of composed scripts.
const limit = 512

func (c *cache[K, V]) get(key K, compose func() V) V {
	c.mu.Lock()
	made, ok := c.items[key]
	if !ok {
		if c.items == nil {
			c.items = map[K]func() V{}
		}
		if len(c.order) == limit {
			delete(c.items, c.order[0])
			c.order = c.order[1:]
		}
		made = sync.OnceValue(compose)
		c.items[key] = made
		c.order = append(c.order, key)
	}
	c.mu.Unlock()
	return made()
}
