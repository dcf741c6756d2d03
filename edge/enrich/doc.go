// Package enrich turns what a request carries anyway into the few plain facts
// that a record may hold: where it came from (country, region, carrier), what
// asked for it (browser family, system, device class, machine or not), how the
// visitor found the site (campaign, channel), which page it was and in which
// language. It is the fourth of the edge's six steps and the place where the
// address and the user agent die.
//
//	peer, X-Forwarded-For ─▶ ClientAddress ─▶ Address ─▶ Geo ─▶ Place
//	User-Agent            ─▶ Agents.Parse              ─▶ Agent
//	page, referrer        ─▶ ParseSource (redacted)    ─▶ Source
//	page                  ─▶ ParsePage   (redacted)    ─▶ Page
//	Accept-Language       ─▶ Language
//
// Guarantees:
//
//   - No function here writes to the network, a log or a disk, but for Geo, which
//     reads its databases and logs their reload. No error, log line or returned
//     value holds an address or a user agent.
//   - Input may be hostile: work is bounded by the caps below (512 bytes of user
//     agent, 8 KiB of URL, 32 forwarded hops), nothing panics and nothing grows
//     with the number of different inputs; caches have a fixed size.
//   - Returned strings are never slices of the input, so a caller may keep them
//     after a fasthttp handler has returned its buffers. Redact alone gives back
//     its argument when there is nothing to take out.
//   - Free text of a URL (path, utm values) passes Redact, which removes mail and
//     IP addresses, long numbers and random identifiers.
//
// It is the only package that knows geoip2-golang, maxminddb-golang, mmdbwriter
// (geodb), go-useragent and isbot.
package enrich
