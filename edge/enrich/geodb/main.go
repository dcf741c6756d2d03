// Command geodb builds the default geo databases at set-up from the CSV files of
// the npm packages @ip-location-db/dbip-country and @ip-location-db/asn, which
// are licensed CC BY 4.0 (DB-IP; Route Views, NRO).
//
//	go run ./edge/enrich/geodb -country node_modules/@ip-location-db/dbip-country \
//	    -asn node_modules/@ip-location-db/asn -out .cache/geo
//
// It writes country.mmdb and asn.mmdb, each to a temporary name first, and does
// nothing when an output was already made from the same package version. The same
// input gives the same bytes: the build time in the file is the package's.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

func main() {
	country := flag.String("country", "node_modules/@ip-location-db/dbip-country", "directory of the country package")
	asn := flag.String("asn", "node_modules/@ip-location-db/asn", "directory of the AS number package")
	out := flag.String("out", ".cache/geo", "directory for country.mmdb and asn.mmdb")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "geodb: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		fmt.Fprintf(os.Stderr, "geodb: %v\n", err)
		os.Exit(1)
	}
	builds := []database{
		countryDatabase(*country, filepath.Join(*out, "country.mmdb")),
		asnDatabase(*asn, filepath.Join(*out, "asn.mmdb")),
	}
	errs := make([]error, len(builds))
	var wait sync.WaitGroup
	for i, build := range builds {
		wait.Go(func() { errs[i] = report(build) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			fmt.Fprintf(os.Stderr, "geodb: %v\n", err)
			os.Exit(1)
		}
	}
}

// report builds one database and says what came of it in one line.
func report(d database) error {
	start := time.Now()
	done, err := d.build()
	if err != nil {
		return fmt.Errorf("%s: %w", d.out, err)
	}
	if done.fresh {
		fmt.Printf("geodb: %s is up to date (%s)\n", d.out, done.version)
		return nil
	}
	fmt.Printf("geodb: %s: %d ranges, %.1f MB, %.1f s (%s)\n", d.out, done.ranges,
		float64(done.bytes)/1e6, time.Since(start).Seconds(), done.version)
	return nil
}
