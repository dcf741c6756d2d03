package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/kunjicloud/kunji/edge/enrich"
)

// builtGeo is where set-up puts the geo databases, below the folder that the
// program is run in, that of its binary, or the system's.
func builtGeo(name string) string {
	roots := []string{".cache/geo", "/usr/share/kunji/geo"}
	if exe, err := os.Executable(); err == nil {
		dir := filepath.Dir(exe)
		roots = append(roots, filepath.Join(dir, "..", ".cache", "geo"), filepath.Join(dir, "geo"))
	}
	for _, root := range roots {
		path := filepath.Join(root, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// openGeo opens the geo databases that the configuration names, else those
// that set-up built. Without any, every place is unknown, and unknown is
// opt_in.
func (s *service) openGeo() (err error) {
	country, asn := s.cfg.GeoIP.Database, s.cfg.GeoIP.ASNDatabase
	if country == "" {
		country = builtGeo("country.mmdb")
	}
	if asn == "" {
		asn = builtGeo("asn.mmdb")
	}
	if country == "" {
		s.log.Warn("kunji: no geo database: every place is unknown and every visit opt_in; name one in geoip.database or run `make setup`")
	}
	s.geo, err = enrich.OpenGeo(enrich.GeoOptions{Database: country, ASNDatabase: asn, Logger: s.log})
	return err
}

// attribution is the line that the geo databases' licences ask for.
func (s *service) attribution() string {
	var lines []string
	for _, c := range s.geo.Attribution() {
		lines = append(lines, c.Text+" ("+c.URL+")")
	}
	return strings.Join(lines, " · ")
}
