package mail

import (
	"bufio"
	"embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Network is what is known of the network that a hit came from.
type Network uint8

// The networks. All that is not published is unknown.
const (
	NetworkUnknown Network = iota
	NetworkGateway         // a mail security company's: people's browsers are behind it too
	NetworkScanner         // mail servers alone: no person browses from there
)

// Each file holds one operator's published networks, one a line, under
// comments that say where and when they were read and their class.
//
//go:embed networks/*.txt
var networkFiles embed.FS

// Networks tells published networks of mail servers and mail security.
type Networks struct {
	spans []span // sorted, not overlapping
}

type span struct {
	first, last netip.Addr
	class       Network
}

// LoadNetworks reads the lists that are part of the program.
func LoadNetworks() (*Networks, error) {
	files, err := networkFiles.ReadDir("networks")
	if err != nil {
		return nil, fmt.Errorf("read network lists: %w", err)
	}
	var n Networks
	for _, file := range files {
		text, err := networkFiles.ReadFile("networks/" + file.Name())
		if err != nil {
			return nil, fmt.Errorf("read network lists: %w", err)
		}
		if err := n.add(string(text)); err != nil {
			return nil, fmt.Errorf("networks/%s: %w", file.Name(), err)
		}
	}
	slices.SortFunc(n.spans, func(a, b span) int { return a.first.Compare(b.first) })
	for i := 1; i < len(n.spans); i++ {
		if n.spans[i].first.Compare(n.spans[i-1].last) <= 0 {
			return nil, fmt.Errorf("the network of %s is listed twice", n.spans[i].first)
		}
	}
	return &n, nil
}

// add reads one list. A network is a prefix, or first and last address with a
// hyphen between.
func (n *Networks) add(text string) error {
	class := NetworkUnknown
	lines := bufio.NewScanner(strings.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		entry := strings.TrimSpace(lines.Text())
		switch {
		case entry == "# Class: scanner":
			class = NetworkScanner
		case entry == "# Class: gateway":
			class = NetworkGateway
		case entry == "" || entry[0] == '#':
		default:
			s, err := parseSpan(entry)
			if err != nil || class == NetworkUnknown {
				return fmt.Errorf("line %d: %q is no network, or no class stands above it", number, entry)
			}
			s.class = class
			n.spans = append(n.spans, s)
		}
	}
	return lines.Err() //nolint:wrapcheck // a string is always read
}

func parseSpan(entry string) (s span, err error) {
	if first, last, ok := strings.Cut(entry, "-"); ok {
		if s.first, err = netip.ParseAddr(first); err == nil {
			s.last, err = netip.ParseAddr(last)
		}
		if err == nil && (s.first.Is4() != s.last.Is4() || s.last.Less(s.first)) {
			err = fmt.Errorf("%q ends before it begins", entry)
		}
		return s, err
	}
	prefix, err := netip.ParsePrefix(entry)
	if err != nil {
		return span{}, fmt.Errorf("network %q: %w", entry, err)
	}
	s.first = prefix.Masked().Addr()
	bytes := s.first.AsSlice()
	for bit := prefix.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	s.last, _ = netip.AddrFromSlice(bytes)
	return s, nil
}

// Classify tells what is known of an address' network. It keeps nothing of
// the address.
func (n *Networks) Classify(addr netip.Addr) Network {
	addr = addr.Unmap().WithZone("")
	at, found := slices.BinarySearchFunc(n.spans, addr, func(s span, a netip.Addr) int { return s.first.Compare(a) })
	if !found {
		at--
	}
	if at < 0 || n.spans[at].last.Less(addr) {
		return NetworkUnknown
	}
	return n.spans[at].class
}
