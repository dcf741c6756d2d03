package enrich

import (
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
	"unique"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// geoFile is one configured database: its path, and the edition of it that is in
// use now.
type geoFile struct {
	path    string
	bind    func(*geoip2.Reader) (decodePlace, error)
	edition atomic.Pointer[geoEdition]
	damaged atomic.Uint64
	seen    os.FileInfo // of the last file that was tried, good or broken
}

// geoEdition is one content of a database file, read whole into memory: a file
// that is overwritten or truncated in place cannot pull it from under a reader.
type geoEdition struct {
	tree        *maxminddb.Reader // finds the record's offset
	decode      decodePlace       // reads the record
	kind        string            // database type of the metadata
	description string            // English description of the metadata
	built       time.Time
	cache       [geoCacheSlots]atomic.Pointer[geoRecord]
}

// decodePlace reads the data record that addr leads to.
type decodePlace func(addr netip.Addr) (Place, error)

// geoRecord is a decoded record in the cache.
type geoRecord struct {
	offset uintptr
	place  Place
}

// geoCacheSlots is the size of the direct-mapped cache: 64 KiB of pointers and at
// most as many records. A country database has some 250 records, an ASN database
// some 70,000, of which few are hot.
const (
	geoCacheBits  = 13
	geoCacheSlots = 1 << geoCacheBits
)

// lookup never fails: damage inside the database counts and gives an empty Place.
// The error itself is dropped, since maxminddb puts the address into some.
func (f *geoFile) lookup(addr netip.Addr) Place {
	edition := f.edition.Load()
	if edition == nil {
		return Place{}
	}
	result := edition.tree.Lookup(addr)
	if !result.Found() {
		// An IPv6 address in an IPv4-only database is not damage but merely unknown.
		if result.Err() != nil && !(addr.Is6() && edition.tree.Metadata.IPVersion == 4) {
			f.damaged.Add(1)
		}
		return Place{}
	}
	offset := result.Offset()
	// Fibonacci hashing spreads offsets, which are close multiples of record sizes.
	slot := &edition.cache[uint64(offset)*0x9E3779B97F4A7C15>>(64-geoCacheBits)]
	if record := slot.Load(); record != nil && record.offset == offset {
		return record.place
	}
	place, err := edition.decode(addr)
	if err != nil {
		f.damaged.Add(1)
		return Place{}
	}
	place = place.interned()
	slot.Store(&geoRecord{offset: offset, place: place})
	return place
}

// interned makes records share their strings, and lets go of the file's content.
func (p Place) interned() Place {
	return Place{
		Country: unique.Make(p.Country).Value(),
		Region:  unique.Make(p.Region).Value(),
		ISP:     unique.Make(p.ISP).Value(),
	}
}

// refresh opens the file if it is another one than at the last look. The one in
// use stays when it fails. It says whether a new edition is in use.
func (f *geoFile) refresh() (loaded bool, err error) {
	before, err := os.Stat(f.path)
	if err == nil && f.seen != nil && sameFile(before, f.seen) {
		return false, nil
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(f.path)
	}
	if err != nil {
		if f.seen == nil && f.edition.Load() != nil {
			return false, nil // said at the look before this one
		}
		f.seen = nil
		return false, err
	}
	after, err := os.Stat(f.path)
	if err == nil && !sameFile(before, after) && f.edition.Load() != nil {
		return false, nil // still being written: the next look takes it
	}
	f.seen = before
	edition, err := openEdition(content, f.bind)
	if err != nil {
		return false, err
	}
	f.edition.Store(edition)
	return true, nil
}

func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func openEdition(content []byte, bind func(*geoip2.Reader) (decodePlace, error)) (*geoEdition, error) {
	tree, err := maxminddb.OpenBytes(content)
	if err != nil {
		return nil, fmt.Errorf("not a readable MaxMind DB: %w", err)
	}
	reader, err := geoip2.OpenBytes(content)
	if err != nil {
		return nil, fmt.Errorf("unusable MaxMind DB: %w", err)
	}
	decode, err := bind(reader)
	if err != nil {
		return nil, fmt.Errorf("database type %q: %w", tree.Metadata.DatabaseType, err)
	}
	if err := readWhole(tree, decode); err != nil {
		return nil, err
	}
	return &geoEdition{
		tree:        tree,
		decode:      decode,
		kind:        tree.Metadata.DatabaseType,
		description: tree.Metadata.Description["en"],
		built:       tree.Metadata.BuildTime().UTC(),
	}, nil
}

// readWhole walks the whole search tree and decodes every record once, so that no
// damage is left for a look-up to find: half a second for the default databases.
// (maxminddb's own Verify also refuses good databases for want of a description.)
func readWhole(tree *maxminddb.Reader, decode decodePlace) error {
	seen := map[uintptr]struct{}{}
	for network := range tree.Networks() {
		if network.Err() != nil {
			return fmt.Errorf("damaged search tree behind %d records: %w", len(seen), network.Err())
		}
		if _, ok := seen[network.Offset()]; ok {
			continue
		}
		seen[network.Offset()] = struct{}{}
		if _, err := decode(network.Prefix().Addr()); err != nil {
			return fmt.Errorf("damaged record behind %d good ones: %w", len(seen)-1, err)
		}
	}
	if len(seen) == 0 {
		return errNoRecords
	}
	return nil
}

// bindPlace chooses how to read a country, city or enterprise database. What a
// database can answer is asked of geoip2, which knows the types by name.
func bindPlace(reader *geoip2.Reader) (decodePlace, error) {
	nowhere := netip.IPv4Unspecified()
	if _, err := reader.Enterprise(nowhere); err == nil {
		return func(addr netip.Addr) (Place, error) {
			record, err := reader.Enterprise(addr)
			if err != nil {
				return Place{}, err
			}
			place := Place{ISP: carrierName(record.Traits.ISP, record.Traits.AutonomousSystemOrganization)}
			place.Country = countryCode(record.Country.ISOCode)
			if len(record.Subdivisions) > 0 {
				place.Region = regionCode(place.Country, record.Subdivisions[0].ISOCode)
			}
			return place, nil
		}, nil
	}
	if _, err := reader.City(nowhere); err != nil {
		return nil, fmt.Errorf("%w: a Country, City or Enterprise database is needed here", errWrongKind)
	}
	return func(addr netip.Addr) (Place, error) {
		record, err := reader.City(addr)
		if err != nil {
			return Place{}, err
		}
		place := Place{Country: countryCode(record.Country.ISOCode)}
		if len(record.Subdivisions) > 0 {
			place.Region = regionCode(place.Country, record.Subdivisions[0].ISOCode)
		}
		return place, nil
	}, nil
}

// bindCarrier chooses how to read an enterprise, ISP or ASN database.
func bindCarrier(reader *geoip2.Reader) (decodePlace, error) {
	nowhere := netip.IPv4Unspecified()
	if _, err := reader.Enterprise(nowhere); err == nil {
		return bindPlace(reader)
	}
	if _, err := reader.ISP(nowhere); err == nil {
		return func(addr netip.Addr) (Place, error) {
			record, err := reader.ISP(addr)
			if err != nil {
				return Place{}, err
			}
			return Place{ISP: carrierName(record.ISP, record.Organization, record.AutonomousSystemOrganization)}, nil
		}, nil
	}
	if _, err := reader.ASN(nowhere); err != nil {
		return nil, fmt.Errorf("%w: an ASN, ISP or Enterprise database is needed here", errWrongKind)
	}
	return func(addr netip.Addr) (Place, error) {
		record, err := reader.ASN(addr)
		if err != nil {
			return Place{}, err
		}
		return Place{ISP: carrierName(record.AutonomousSystemOrganization)}, nil
	}, nil
}

// countryCode lets only ISO 3166-1 alpha-2 through; ZZ is "unknown" by the user-
// assigned range of the standard.
func countryCode(code string) string {
	if len(code) != 2 || code == "ZZ" || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return ""
	}
	return code
}

// regionCode builds ISO 3166-2 from its two parts.
func regionCode(country, part string) string {
	if country == "" || part == "" || len(part) > 3 {
		return ""
	}
	for i := range len(part) {
		if c := part[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return country + "-" + part
}

// carrierName takes the first name there is, at most 128 bytes of it.
func carrierName(names ...string) string {
	for _, name := range names {
		if name != "" {
			return truncate(clean(name), 128)
		}
	}
	return ""
}
