package server

import (
	"net"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// visit is what a request says of who sends it: where from, with which
// cookies, and so in which situation a decision is made.
type visit struct {
	site      *site.Site
	place     event.Place
	agent     event.Agent
	rateKey   uint64
	jar       identity.Jar
	situation consent.Situation
}

func peer(ctx *fasthttp.RequestCtx) netip.Addr {
	if tcp, ok := ctx.RemoteAddr().(*net.TCPAddr); ok {
		addr, _ := netip.AddrFromSlice(tcp.IP)
		return addr.Unmap()
	}
	return netip.Addr{}
}

// client finds the address that a request came from. It lives as long as the
// request, and tells nobody what it is.
func (s *Server) client(ctx *fasthttp.RequestCtx) enrich.Address {
	var forwarded [][]byte
	if len(s.opts.Trusted) > 0 {
		forwarded = ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor)
	}
	return enrich.ClientAddress(peer(ctx), s.opts.Trusted, forwarded)
}

// locate turns the address into a place and the user agent into families.
// Neither is kept: from here on nobody knows them.
func (s *Server) locate(ctx *fasthttp.RequestCtx, v *visit) {
	address := s.client(ctx)
	p := address.Place(s.opts.Geo)
	v.place = event.Place{Country: p.Country, Region: p.Region, ISP: p.ISP}
	v.rateKey = address.RateKey()
	a := s.opts.Agents.Parse(ctx.Request.Header.UserAgent())
	v.agent = event.Agent{Browser: a.Browser, OS: a.OS, Device: a.Device, Machine: a.Machine, MachineReason: a.MachineReason}
}

// gpcSent reports whether the visitor's browser sends Sec-GPC: 1, exactly; of
// several headers one is enough, and any other value is no signal.
func gpcSent(h *fasthttp.RequestHeader) bool {
	for _, v := range h.PeekAll("Sec-GPC") {
		if string(v) == "1" {
			return true
		}
	}
	return false
}

// judgeBy reads the site's cookies and fills in what a decision needs.
func (s *Server) judgeBy(ctx *fasthttp.RequestCtx, v *visit, now time.Time) {
	v.jar.Clear()
	for _, h := range ctx.Request.Header.PeekAll(fasthttp.HeaderCookie) {
		v.jar.Read(h, v.site.ID)
	}
	v.situation = consent.Situation{
		Site:   v.site,
		Regime: v.site.Regimes.At(v.place.Country, v.place.Region),
		GPC:    gpcSent(&ctx.Request.Header),
		Now:    now,
		Away:   v.site.Region != s.opts.Region,
	}
	payload, err := v.jar.Open(s.opts.Ring, identity.ConsentJar)
	if err != nil {
		v.situation.Problem = event.BadSignature
		return
	}
	if payload == nil {
		return
	}
	record, err := consent.ParseRecord(payload)
	switch {
	case err != nil || record.Site != v.site.ID:
		v.situation.Problem = event.BadSignature
	case s.opts.Withdrawn.RecordWithdrawn(record.ID):
		v.situation.Problem = event.Withdrawal
	default:
		v.situation.Record = record
	}
}

// covered reports which of the visitor's cookies the present state allows.
func (v *visit) covered(c identity.Cookie) bool {
	may := func(p site.Purpose) bool { return consent.May(p, &v.situation) == event.None }
	switch c {
	case identity.ConsentJar:
		return true
	case identity.VisitorJar, identity.SessionJar:
		return may(site.Analytics) || may(site.Marketing)
	case identity.SourceJar:
		return may(site.Marketing)
	case identity.StoreJar:
		return may(site.Preferences)
	}
	return false
}

// clearUncovered deletes the cookies that came along without being allowed,
// so that an answer that arrived late does not bring an identifier back. Where
// the visitor's own goes it returns a right over what was kept under it, so
// that losing the cookie does not cut the right off (contract: rights_url).
func (s *Server) clearUncovered(ctx *fasthttp.RequestCtx, v *visit) (right string) {
	var scope identity.Scope
	for c := identity.VisitorJar; c <= identity.StoreJar; c++ {
		if !v.jar.Sent(c) || v.covered(c) {
			continue
		}
		if scope.Path == "" {
			scope = s.scope(ctx, v.site)
		}
		addCookie(ctx, identity.AppendClear(nil, c, v.site.ID, scope))
		if visitor := s.visitor(v); c == identity.VisitorJar && visitor != 0 {
			right = s.right(v.site, visitor)
		}
	}
	return right
}

// voidConsent puts an end to a kj_consent that does not count. The page's script
// cannot verify it, and would run on what it grants without asking. What takes
// its place decides nothing and is over: it asks again and is a no everywhere,
// while under opt_out to have no record would be none. One kept for this host
// alone goes, or the two would be in conflict for ever. Beacons are answered out
// of turn, perhaps after a newer choice: those answers leave the cookie as it is.
func (s *Server) voidConsent(ctx *fasthttp.RequestCtx, v *visit) {
	if v.situation.Problem == event.None || string(ctx.Request.Header.Peek("Sec-Fetch-Mode")) == "no-cors" {
		return
	}
	scope := s.scope(ctx, v.site)
	if scope.Domain != "" {
		host := scope
		host.Domain = ""
		addCookie(ctx, identity.AppendClear(nil, identity.ConsentJar, v.site.ID, host))
	}
	s.addConsent(ctx, v.site, &consent.Record{Site: v.site.ID}, scope)
}

// addConsent sets kj_consent to a record.
func (s *Server) addConsent(ctx *fasthttp.RequestCtx, st *site.Site, r *consent.Record, scope identity.Scope) {
	life := int(st.ConsentLifetime / time.Second)
	addCookie(ctx, s.opts.Ring.AppendCookie(nil, identity.ConsentJar, st.ID, r.AppendText(nil), life, scope))
}

func addCookie(ctx *fasthttp.RequestCtx, line []byte) {
	ctx.Response.Header.Add(fasthttp.HeaderSetCookie, string(line))
}

// visitor returns the visitor's id; 0 where there is none to believe.
func (s *Server) visitor(v *visit) uint64 {
	payload, err := v.jar.Open(s.opts.Ring, identity.VisitorJar)
	if payload == nil || err != nil {
		return 0
	}
	id, err := identity.ParseVisitor(payload, v.site.ID)
	if err != nil {
		return 0
	}
	return id
}
