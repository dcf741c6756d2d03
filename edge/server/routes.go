package server

import "github.com/valyala/fasthttp"

// route is one address of the edge.
type route struct {
	method, path string
	handle       fasthttp.RequestHandler
}

// routes lists every address that the edge answers; openapi.yaml describes
// them.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/b/{site}.js", s.script},
		{"GET", "/b/part/{name}", s.part},
		{"POST", "/v1/consent", s.cross(s.postConsent)},
		{"GET", "/v1/consent", s.cross(s.getConsent)},
		{"GET", "/v1/shown", s.cross(s.shown)},
		{"POST", "/v1/events", s.cross(s.collect(eventsShape{}))},
		{"OPTIONS", "/v1/{rest:*}", s.cross(preflight)},
		{"GET", "/p.gif", s.collect(pixelShape{})},
		{"GET", "/.well-known/gpc.json", s.gpc},
		{"GET", "/healthz", s.healthz},
		{"GET", "/readyz", s.readyz},
	}
}
