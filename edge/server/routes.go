package server

import (
	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/identity"
)

// route is one address of the edge.
type route struct {
	method, path string
	handle       fasthttp.RequestHandler
}

// routes lists every address that the edge answers; openapi.yaml describes
// them.
func (s *Server) routes() []route {
	click, impression, open := s.collect(linkShape{identity.Click}), s.collect(linkShape{identity.Impression}), s.collect(linkShape{identity.Open})
	return []route{
		{"GET", "/b/{site}.js", s.script},
		{"GET", "/b/part/{name}", s.part},
		{"POST", "/v1/consent", s.cross(s.postConsent)},
		{"GET", "/v1/consent", s.cross(s.getConsent)},
		{"GET", "/v1/consent/receipt", s.cross(s.getReceipt)},
		{"GET", "/v1/me", s.cross(s.getMe)},
		{"POST", "/v1/me", s.postMe},
		{"DELETE", "/v1/me", s.cross(s.deleteMe)},
		{"GET", "/v1/store/{key}", s.cross(s.getPreference)},
		{"PUT", "/v1/store/{key}", s.cross(s.putPreference)},
		{"DELETE", "/v1/store/{key}", s.cross(s.deletePreference)},
		{"GET", "/v1/shown", s.cross(s.shown)},
		{"POST", "/v1/events", s.cross(s.collect(eventsShape{}))},
		{"OPTIONS", "/v1/{rest:*}", s.cross(preflight)},
		{"GET", "/p.gif", s.collect(pixelShape{})},
		{"GET", "/c/{token}", click},
		{"HEAD", "/c/{token}", click},
		{"GET", "/i/{token}.gif", impression},
		{"HEAD", "/i/{token}.gif", impression},
		{"GET", "/o/{token}.gif", open},
		{"HEAD", "/o/{token}.gif", open},
		{"GET", "/u/{token}", s.getUnsubscribe},
		{"POST", "/u/{token}", s.postUnsubscribe},
		{"GET", "/m/{token}", s.getMailChoices},
		{"POST", "/m/{token}", s.postMailChoices},
		{"GET", "/rights/{site}", s.getAsk},
		{"POST", "/rights/{site}", s.postAsk},
		{"GET", "/choices/{site}", s.getChoices},
		{"POST", "/choices/{site}", s.postChoices},
		{"GET", "/policy/{site}", s.policy},
		{"GET", "/policy/{site}/archive", s.policyArchive},
		{"GET", "/policy/{site}/{version}", s.policyVersion},
		{"GET", "/cookies/{site}", s.cookies},
		{"GET", "/r/{token}", s.getRight},
		{"POST", "/r/{token}", s.postRight},
		{"GET", "/openapi.yaml", openAPI},
		{"GET", "/.well-known/gpc.json", s.gpc},
		{"GET", "/healthz", s.healthz},
		{"GET", "/readyz", s.readyz},
	}
}
