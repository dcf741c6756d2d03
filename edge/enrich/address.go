package enrich

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
)

// maxForwardedHops bounds the walk through X-Forwarded-For. Real chains have two
// or three hops; a longer one is an attempt to make the walk expensive.
const maxForwardedHops = 32

// Address is the network address of a client for as long as its request lasts.
// It answers the three questions that the edge may ask (where is it, how often
// does it come, is it there at all) and can be neither printed, logged, marshalled
// nor turned back into a netip.Addr: what keeps addresses out of logs, errors and
// records is the type, not attention.
//
// It holds a pointer, because fmt skips the Format method of unexported fields
// and would print the bits of a value from inside another struct.
type Address struct {
	at *netip.Addr
}

// AddressFrom wraps addr. IPv4-mapped IPv6 is unwrapped and zones are dropped, so
// that one client has one address. An invalid addr gives the zero Address.
func AddressFrom(addr netip.Addr) Address {
	if !addr.IsValid() {
		return Address{}
	}
	addr = addr.Unmap().WithZone("")
	return Address{at: &addr}
}

// Known reports whether there is an address at all. The zero Address has none.
func (a Address) Known() bool { return a.at != nil }

// Format prints "address" for every verb.
func (Address) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("address")) }

// LogValue makes slog print "address".
func (Address) LogValue() slog.Value { return slog.StringValue("address") }

// Place looks the address up in g. See [Geo.Place].
func (a Address) Place(g *Geo) Place {
	if a.at == nil || g == nil {
		return Place{}
	}
	return g.Place(*a.at)
}

// rateSeed is drawn once a process and never leaves it: a rate key of another
// process, or of this one after a restart, cannot be compared or reversed.
var rateSeed = maphash.MakeSeed()

// RateKey is a keyed hash for the rate limiter's table in memory: the whole IPv4
// address, or the /64 of an IPv6 address, which is what one customer has. It
// means nothing outside this process; do not store it.
func (a Address) RateKey() uint64 {
	if a.at == nil {
		return maphash.Comparable(rateSeed, netip.Prefix{})
	}
	return maphash.Comparable(rateSeed, network(*a.at, 32, 64))
}

// SameNetwork reports whether both stand in the same /16 (IPv4) or /48 (IPv6):
// the coarsest grain that tells a moved client from the same one. Nothing of the
// network is stored.
func (a Address) SameNetwork(b Address) bool {
	if a.at == nil || b.at == nil {
		return false
	}
	return network(*a.at, 16, 48) == network(*b.at, 16, 48)
}

// network cuts addr to v4 or v6 bits.
func network(addr netip.Addr, v4, v6 int) netip.Prefix {
	bits := v6
	if addr.Is4() {
		bits = v4
	}
	// Prefix fails only for more bits than the address has.
	prefix, _ := addr.Prefix(bits)
	return prefix
}

// ClientAddress finds the client behind trusted proxies. forwardedFor holds the
// values of all X-Forwarded-For headers in the order of the request; their list
// is one list (RFC 9110, 5.3).
//
// The header is read only when peer, the other end of the connection, stands in
// trusted. The walk goes from the right, where the nearest proxy wrote, and skips
// trusted hops: the first address that is not trusted is the client. What stands
// left of it was written by the client itself and is not looked at. An entry that
// is no address (with or without port, IPv6 with or without brackets) ends the
// walk at the last good one, as does a walk of more than 32 hops.
func ClientAddress(peer netip.Addr, trusted []netip.Prefix, forwardedFor [][]byte) Address {
	client := peer.Unmap().WithZone("")
	if !client.IsValid() {
		return Address{}
	}
	hops := 0
	for header := len(forwardedFor) - 1; header >= 0; header-- {
		list := forwardedFor[header]
		for more := true; more; hops++ {
			if hops >= maxForwardedHops || !isTrusted(client, trusted) {
				return AddressFrom(client)
			}
			var entry []byte
			if comma := bytes.LastIndexByte(list, ','); comma >= 0 {
				list, entry = list[:comma], list[comma+1:]
			} else {
				entry, more = list, false
			}
			hop, ok := parseHop(bytes.Trim(entry, " \t"))
			if !ok {
				return AddressFrom(client)
			}
			client = hop
		}
	}
	return AddressFrom(client)
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// parseHop reads 203.0.113.7, 203.0.113.7:4711, 2001:db8::1, [2001:db8::1] and
// [2001:db8::1]:4711. The longest is a mapped address with zone and port; longer
// ones are refused before they become a string.
func parseHop(entry []byte) (netip.Addr, bool) {
	if len(entry) < 2 || len(entry) > 64 {
		return netip.Addr{}, false
	}
	text := string(entry)
	var addr netip.Addr
	var err error
	switch {
	case text[0] == '[' && text[len(text)-1] == ']':
		addr, err = netip.ParseAddr(text[1 : len(text)-1])
		if addr.Is4() {
			return netip.Addr{}, false
		}
	case text[0] == '[' || (bytes.IndexByte(entry, '.') >= 0 && bytes.Count(entry, []byte{':'}) == 1):
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		addr = withPort.Addr()
	default:
		addr, err = netip.ParseAddr(text)
	}
	if err != nil || addr.IsUnspecified() {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

// Classify asks f about the address, which never leaves its type otherwise: f says
// what is known of its network as a small number, and keeps nothing. The zero
// Address is 0.
func (a Address) Classify(f func(netip.Addr) uint8) uint8 {
	if a.at == nil {
		return 0
	}
	return f(*a.at)
}
