package main

import (
	"net/http"
	"net/netip"
	"strconv"

	"github.com/kunjicloud/kunji/edge/enrich"
)

// clientKey tells one client of the console from another, for counting failed
// sign-ins. It is found as the edge finds a visitor's address, and it is a key
// of this process, not the address: nothing that holds it can reveal one.
func (c Console) clientKey(r *http.Request) string {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr) // without one, all count as one
	var forwarded [][]byte
	for _, list := range r.Header.Values("X-Forwarded-For") {
		forwarded = append(forwarded, []byte(list))
	}
	return strconv.FormatUint(enrich.ClientAddress(peer.Addr(), c.TrustedProxies, forwarded).RateKey(), 16)
}

// origin is public_url as text; empty where none is written.
func (c Console) origin() string {
	if c.PublicURL == nil {
		return ""
	}
	return c.PublicURL.String()
}
