package enrich

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Place is where an address is registered, as far as the databases know. Every
// field may be empty. The strings are interned: keep them as long as you like.
type Place struct {
	Country string // ISO 3166-1 alpha-2, "CN"
	Region  string // ISO 3166-2 with its country, "US-CA"
	ISP     string // name of the carrier or of the network's holder
}

// Credit is what the licence of a database wants shown where its results are.
type Credit struct {
	Text, URL string
}

// GeoOptions says where the databases are. Both may be empty.
type GeoOptions struct {
	// Database is the path of a GeoIP2, GeoLite2 or DB-IP Country, City or
	// Enterprise database (.mmdb).
	Database string
	// ASNDatabase is the path of an ASN, ISP or Enterprise database; without it
	// an Enterprise Database gives the carrier as well.
	ASNDatabase string
	// Logger hears of reloads; nil means slog.Default().
	Logger *slog.Logger
}

// Geo answers where an address is, from databases in memory. All methods may be
// called at the same time from many goroutines.
//
// A look-up walks the search tree (no allocation) and finds the offset of a data
// record; decoded records are cached by that offset, which stands for all
// networks that share the record. So a hot network costs no decoding and the
// cache holds no address.
type Geo struct {
	place, carrier *geoFile
	log            *slog.Logger
	reload         sync.Mutex
}

// OpenGeo opens the databases. A configured database that is missing, broken or
// of a kind that does not fit is an error; none configured is not.
func OpenGeo(options GeoOptions) (*Geo, error) {
	g := &Geo{log: options.Logger}
	if g.log == nil {
		g.log = slog.Default()
	}
	g.place = &geoFile{path: options.Database, bind: bindPlace}
	g.carrier = &geoFile{path: options.ASNDatabase, bind: bindCarrier}
	for _, file := range []*geoFile{g.place, g.carrier} {
		if file.path == "" {
			continue
		}
		if _, err := file.refresh(); err != nil {
			return nil, fmt.Errorf("geo database %s: %w", file.path, err)
		}
	}
	return g, nil
}

// Place looks addr up. It never fails: unknown, private and local addresses, and
// every address when no database is configured, give an empty Place (and so the
// site's default regime). A country is where the address is used, never where it
// is merely registered: a regime must not hang on a guess.
func (g *Geo) Place(addr netip.Addr) Place {
	if !public(addr) {
		return Place{}
	}
	addr = addr.Unmap()
	place := g.place.lookup(addr)
	if g.carrier.path != "" {
		place.ISP = g.carrier.lookup(addr).ISP
	}
	return place
}

// public says whether an address can have a place in the world at all.
func public(addr netip.Addr) bool {
	return addr.IsValid() && addr.IsGlobalUnicast() && !addr.Unmap().IsPrivate() && !addr.Unmap().IsLoopback()
}

// Reload opens a database anew when its file has changed since the last look and
// puts it in the old one's place at once. When the new file is broken the old one
// keeps answering, the log says so, and the next change is tried again.
func (g *Geo) Reload() {
	g.reload.Lock()
	defer g.reload.Unlock()
	for _, file := range []*geoFile{g.place, g.carrier} {
		if file.path == "" {
			continue
		}
		loaded, err := file.refresh()
		switch {
		case err != nil:
			g.log.Error("geo database not reloaded, the one before it stays in use",
				"path", file.path, "error", err)
		case loaded:
			g.log.Info("geo database reloaded", "path", file.path,
				"type", file.edition.Load().kind, "built", file.edition.Load().built.Format(time.DateOnly))
		}
	}
}

// Watch calls Reload at every tick until ctx ends. A time.Ticker of a few seconds
// is meant; a look at an unchanged file is one stat.
func (g *Geo) Watch(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			g.Reload()
		}
	}
}

// Ready reports whether every configured database answers and how many look-ups
// since the start met damage inside a database.
func (g *Geo) Ready() (ok bool, damaged uint64) {
	ok = true
	for _, file := range []*geoFile{g.place, g.carrier} {
		if file.path != "" && file.edition.Load() == nil {
			ok = false
		}
		damaged += file.damaged.Load()
	}
	return ok, damaged
}

// Attribution lists what must be shown on pages with places on them: DB-IP Lite
// is CC BY 4.0 and asks for a link, GeoLite2 asks for a sentence. Commercial
// databases ask for nothing.
func (g *Geo) Attribution() []Credit {
	var credits []Credit
	for _, file := range []*geoFile{g.place, g.carrier} {
		edition := file.edition.Load()
		if edition == nil {
			continue
		}
		for _, credit := range edition.credits() {
			if !containsCredit(credits, credit) {
				credits = append(credits, credit)
			}
		}
	}
	return credits
}

func containsCredit(credits []Credit, credit Credit) bool {
	for _, known := range credits {
		if known == credit {
			return true
		}
	}
	return false
}

// credits reads the licence from the database's own metadata: its type, and for
// databases put together from several sources (geodb) the sources named in its
// description.
func (e *geoEdition) credits() []Credit {
	var credits []Credit
	if strings.HasPrefix(e.kind, "DBIP-") {
		credits = append(credits, Credit{"IP Geolocation by DB-IP (CC BY 4.0)", "https://db-ip.com"})
	}
	if strings.HasPrefix(e.kind, "GeoLite2-") {
		credits = append(credits, Credit{
			"This product includes GeoLite2 data created by MaxMind, available from https://www.maxmind.com",
			"https://www.maxmind.com",
		})
	}
	if strings.Contains(e.description, "routeviews.org") {
		credits = append(credits, Credit{"AS numbers by Route Views (CC BY 4.0)", "https://www.routeviews.org"})
	}
	if strings.Contains(e.description, "nro.net") {
		credits = append(credits, Credit{"AS numbers by the Number Resource Organization (CC BY 4.0)", "https://www.nro.net"})
	}
	return credits
}

var (
	errWrongKind = errors.New("this kind of database has no such answer")
	errNoRecords = errors.New("the database holds no record")
)
