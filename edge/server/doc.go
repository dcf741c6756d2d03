// Package server is the edge's HTTP side: one file per endpoint, on fasthttp.
//
// Every hit takes the same six steps, which pipeline.go shows as a list:
//
//	parse    the request becomes hits               (no rule of consent here)
//	place    country, region, carrier; the address dies here
//	decide   edge/consent: may we, and why not
//	enrich   browser, bot, source, session
//	append   edge/spool: on disk before the answer
//	answer   a GIF, a redirect, JSON, a page
//
// A refused hit ends at decide: nothing of it is kept but a count by site,
// hour, kind, reason, country and device class. What a hit became is said in
// the header Kunji-Result of every answer.
//
// One thing is decided beside it: whoever agreed to marketing and not to
// statistics agreed to the visit that a page_view starts. The page_view is
// refused and counted so, and the edge's own visit event is kept alone.
//
// fasthttp reuses a request's memory as soon as its handler returns. Nothing
// that is a slice of a request may therefore outlive the handler: events are
// encoded, and their bytes copied by the spool, before it does.
package server
