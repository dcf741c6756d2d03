package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/site"
)

// book is one generation of the configuration: the sites, and the routes
// below every path that one of their endpoints has.
type book struct {
	sites  map[string]*site.Site
	router *router.Router
}

func (s *Server) newBook(sites []*site.Site) (*book, error) {
	b := &book{sites: make(map[string]*site.Site, len(sites)), router: router.New()}
	b.router.RedirectTrailingSlash = false // a tracking address is exact or wrong
	b.router.RedirectFixedPath = false
	b.router.HandleOPTIONS = false // preflights have a route of their own
	b.router.NotFound = s.notFound
	b.router.MethodNotAllowed = notAllowed
	prefixes := []string{""}
	for _, st := range sites {
		if b.sites[st.ID] != nil {
			return nil, fmt.Errorf("server: site %q is there twice", st.ID)
		}
		b.sites[st.ID] = st
		for _, e := range st.Endpoints {
			if p := strings.TrimRight(e.Path, "/"); !slices.Contains(prefixes, p) {
				prefixes = append(prefixes, p)
			}
		}
	}
	for _, p := range prefixes {
		for _, r := range s.routes() {
			b.router.Handle(r.method, p+r.path, r.handle)
		}
	}
	return b, nil
}

// find finds a site by its id.
func (b *book) find(id string) (*site.Site, bool) {
	st, ok := b.sites[id]
	return st, ok
}

// site finds a site by its id; nil where there is none.
func (s *Server) site(id []byte) *site.Site { return s.book.Load().sites[string(id)] }

func (s *Server) notFound(ctx *fasthttp.RequestCtx) {
	if s.extra != nil {
		s.extra(ctx)
		return
	}
	problem(ctx, fasthttp.StatusNotFound, "not_found", "There is nothing at this address.")
}

func notAllowed(ctx *fasthttp.RequestCtx) {
	problem(ctx, fasthttp.StatusMethodNotAllowed, "method_not_allowed", "This address answers only the methods in the Allow header.")
}
