package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

// database is one output and how to make it.
type database struct {
	dir         string // of the npm package
	files       []string
	out         string
	kind        string // database type, one that geoip2-golang takes
	description string // names the sources; enrich reads the credits from it
	// record turns the columns after the range into a data record.
	record func(columns []string) (mmdbtype.Map, error)
}

func countryDatabase(dir, out string) database {
	return database{
		dir: dir, out: out,
		files:       []string{"dbip-country-ipv4.csv", "dbip-country-ipv6.csv"},
		kind:        "DBIP-Country-Lite",
		description: "IP Geolocation by DB-IP, https://db-ip.com, CC BY 4.0",
		record: func(columns []string) (mmdbtype.Map, error) {
			if len(columns) != 1 || len(columns[0]) != 2 {
				return nil, errors.New("want one column with a country code of two letters")
			}
			return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(columns[0])}}, nil
		},
	}
}

func asnDatabase(dir, out string) database {
	return database{
		dir: dir, out: out,
		files: []string{"asn-ipv4.csv", "asn-ipv6.csv"},
		kind:  "DBIP-ASN-Lite (compat=GeoLite2-ASN)",
		description: "IP to ASN by DB-IP, https://db-ip.com, merged with data of routeviews.org and nro.net, " +
			"all CC BY 4.0",
		record: func(columns []string) (mmdbtype.Map, error) {
			if len(columns) != 2 {
				return nil, errors.New("want two columns, AS number and name")
			}
			number, err := strconv.ParseUint(columns[0], 10, 32)
			if err != nil {
				return nil, fmt.Errorf("AS number: %w", err)
			}
			return mmdbtype.Map{
				"autonomous_system_number":       mmdbtype.Uint32(number),
				"autonomous_system_organization": mmdbtype.String(columns[1]),
			}, nil
		},
	}
}

// result is what build did.
type result struct {
	fresh   bool // the output was there already
	version string
	ranges  int
	bytes   int64
}

// build makes the output unless it was made from the same package version by the
// same description.
func (d database) build() (result, error) {
	version, epoch, err := packageVersion(d.dir)
	if err != nil {
		return result{}, err
	}
	description := d.description + " (package " + version + ")"
	if madeFrom(d.out, d.kind, description) {
		return result{fresh: true, version: version}, nil
	}
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:              epoch,
		DatabaseType:            d.kind,
		Description:             map[string]string{"en": description},
		IncludeReservedNetworks: true,
		DisableIPv4Aliasing:     true,
		RecordSize:              24,
		KeyGenerator:            &columnKeys{},
	})
	if err != nil {
		return result{}, err
	}
	loader := newLoader(tree, d.record)
	for _, name := range d.files {
		if err := loader.load(filepath.Join(d.dir, name)); err != nil {
			return result{}, err
		}
	}
	size, err := write(tree, d.out)
	return result{version: version, ranges: loader.ranges, bytes: size}, err
}

// packageVersion reads version and build day of an npm package. These packages
// put the build hour at the end of their version: 2.3.2026060120.
func packageVersion(dir string) (version string, epoch int64, err error) {
	content, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return "", 0, fmt.Errorf("%w: install the npm packages first (npm ci)", err)
	}
	var manifest struct{ Version string }
	if err := json.Unmarshal(content, &manifest); err != nil {
		return "", 0, fmt.Errorf("%s/package.json: %w", dir, err)
	}
	stamp := manifest.Version[strings.LastIndexByte(manifest.Version, '.')+1:]
	built, err := time.Parse("2006010215", stamp)
	if err != nil {
		return "", 0, fmt.Errorf("%s/package.json: version %q does not end in a build hour: %w", dir, manifest.Version, err)
	}
	return manifest.Version, built.Unix(), nil
}

// madeFrom reports whether the file at path is a database with this type and
// description.
func madeFrom(path, kind, description string) bool {
	reader, err := maxminddb.Open(path)
	if err != nil {
		return false
	}
	same := reader.Metadata.DatabaseType == kind && reader.Metadata.Description["en"] == description
	return reader.Close() == nil && same
}

// write puts the tree in a file beside out, and that in out's place.
func write(tree *mmdbwriter.Tree, out string) (size int64, err error) {
	file, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	buffer := bufio.NewWriterSize(file, 1<<20)
	if size, err = tree.WriteTo(buffer); err != nil {
		return 0, err
	}
	if err = buffer.Flush(); err != nil {
		return 0, err
	}
	if err = file.Chmod(0o644); err != nil {
		return 0, err
	}
	if err = file.Sync(); err != nil {
		return 0, err
	}
	if err = file.Close(); err != nil {
		return 0, err
	}
	return size, os.Rename(file.Name(), out)
}
