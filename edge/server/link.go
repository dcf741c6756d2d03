package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
)

// linkShape is GET /c/{token}, /i/{token}.gif and /o/{token}.gif: one hit, made
// of what the signed token says. With a recipient in it the hit is a mail's and
// names no visitor: no cookie is looked at. Without one it is a visitor's, like
// any other.
//
// A click is led on, and an image sent, whatever becomes of the hit. Only a token
// that is not ours leads nowhere, or a signature would be worth nothing.
type linkShape struct{ use identity.Use }

// linkKinds are the kinds of a link's hits: of a visitor, and of a recipient.
var linkKinds = map[identity.Use][2]event.Kind{
	identity.Click:      {event.Click, event.MailClick},
	identity.Impression: {event.Impression, 0}, // its token has no room for a recipient
	identity.Open:       {0, event.MailOpen},
}

func (l linkShape) parse(s *Server, ctx *fasthttp.RequestCtx, in *intake) bool {
	token, _ := ctx.UserValue("token").(string)
	link, err := s.opts.Ring.OpenLink(l.use, token)
	kinds := linkKinds[l.use]
	h := hit{kind: kinds[0]}
	if kinds[0] == 0 || link.Recipient != 0 {
		h.kind = kinds[1]
	}
	in.hits = append(in.hits, h)
	in.link = &link
	if err != nil {
		in.hits[0].reason = event.BadSignature
		return true
	}
	in.site = s.site([]byte(link.Site))
	// A link made to be tried out is answered as all are, and HEAD asks for the
	// answer alone: neither is a hit, and no counter moves.
	if link.Test || ctx.IsHead() {
		l.reply(s, ctx, in)
		return false
	}
	return true
}

func (l linkShape) answer(s *Server, ctx *fasthttp.RequestCtx, in *intake) {
	reason := result(ctx, in)
	if in.site != nil && in.link.Recipient == 0 && forgets(reason) {
		s.clearUncovered(ctx, &in.visit)
	}
	l.reply(s, ctx, in)
}

// reply sends the image or leads on, to exactly what was signed.
func (l linkShape) reply(s *Server, ctx *fasthttp.RequestCtx, in *intake) {
	h := &ctx.Response.Header
	switch {
	case l.use != identity.Click:
		h.SetContentType("image/gif")
		h.Set(fasthttp.HeaderCacheControl, "no-cache, no-store, must-revalidate")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		ctx.Response.SetBodyRaw(gif)
	case in.link.Destination == "":
		s.errorPage(ctx, fasthttp.StatusNotFound, nil, pageMissing, 1)
	default:
		noStore(ctx)
		h.Set(fasthttp.HeaderLocation, in.link.Destination) // checked when the token was opened
		ctx.SetStatusCode(fasthttp.StatusFound)
	}
}

// decideLink decides about a link's hit: by the recipient's choices, or by the
// visitor's. A click comes from any page or none; an impression is a page's of
// the site.
func (s *Server) decideLink(ctx *fasthttp.RequestCtx, in *intake) bool {
	h := &in.hits[0]
	if h.reason != event.None {
		return false
	}
	if in.link.Recipient != 0 {
		h.verdict = s.judgeRecipient(in, h.kind)
	} else if h.kind == event.Impression && foreign(ctx, in.site) {
		h.verdict.Reason = event.WrongOrigin
	} else {
		s.judgeBy(ctx, &in.visit, in.now)
		h.verdict = consent.Judge(h.kind, &in.situation)
	}
	h.reason = h.verdict.Reason
	return h.reason == event.None
}

// judgeRecipient decides about a mail's hit. What was granted at sending must
// still be granted now (policy 6.4): a withdrawal reaches mail that is long sent,
// and where nobody knows whether there is one, nothing is kept.
func (s *Server) judgeRecipient(in *intake, kind event.Kind) consent.Verdict {
	said := s.opts.Withdrawn.Recipient(in.site.ID, in.link.Recipient)
	return consent.JudgeMail(kind, &consent.MailSituation{
		Site: in.site, Open: event.Choice(said.Open), Click: event.Choice(said.Click), All: event.Choice(said.Mail),
		OpenAt: said.OpenAt, ClickAt: said.ClickAt,
		Unheard: s.opts.Withdrawn.Ready(in.now) != nil, Away: in.site.Region != s.opts.Region,
	})
}

// enrichLink makes the event of a link's hit. A mail's click hands on nothing to
// the visit that it leads to but what stands in the destination's own address.
func (s *Server) enrichLink(ctx *fasthttp.RequestCtx, in *intake) bool {
	h := &in.hits[0]
	h.id = identity.NewID()
	e := s.base(in, h)
	e.Language = enrich.Language(string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptLanguage)))
	page := enrich.ParsePage(in.link.Destination)
	e.Host, e.Path = page.Host, page.Path
	c := &in.link.Campaign
	e.Campaign = campaign(enrich.NamedSource(c.Source, c.Medium, c.Name, c.Content, c.Term, c.ID))
	if in.link.Recipient != 0 {
		e.Recipient = in.link.Recipient
		s.classify(ctx, in, e)
		return true
	}
	if e.Basis == event.BasisRecord {
		visit := s.openSession(&in.visit, in.now)
		e.Visitor, e.Session = visit.visitor, visit.current.ID
	}
	return true
}

// classify says who made a mail's hit, as far as that can be told. Behind a mail
// provider's proxy place and device are the proxy's, and are left out.
func (s *Server) classify(ctx *fasthttp.RequestCtx, in *intake, e *event.Event) {
	h := &ctx.Request.Header
	seen := mail.Hit{
		Method: string(ctx.Method()), UserAgent: string(h.UserAgent()),
		SecPurpose: string(h.Peek("Sec-Purpose")), Purpose: string(h.Peek("Purpose")), XPurpose: string(h.Peek("X-Purpose")), XMoz: string(h.Peek("X-Moz")),
		Open: e.Kind == event.MailOpen, Trap: in.link.Trap, Sent: in.link.Sent, At: in.now,
	}
	if in.agent.Machine {
		seen.Bot = in.agent.MachineReason
	}
	seen.Network = mail.Network(s.client(ctx).Classify(func(a netip.Addr) uint8 { return uint8(s.networks.Classify(a)) }))
	reason := mail.Classify(seen)
	e.Agent.Machine, e.Agent.MachineReason = reason.Machine(), string(reason)
	if reason.Class() == mail.Proxied {
		e.Place, e.Language = event.Place{}, ""
		e.Agent.Browser, e.Agent.OS, e.Agent.Device = "", "", ""
	}
	if e.Kind == event.MailClick {
		e.Props = map[string]string{mail.LinkProp: s.linkName(in.link)}
	}
}

// linkName tells the links of one site's mails apart without saying where they
// lead: two that differ only in their query have the same host and path.
func (s *Server) linkName(l *identity.Link) string {
	mac := hmac.New(sha256.New, s.opts.Ring.SiteSecret(l.Site, "link"))
	mac.Write([]byte(l.Destination))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:6])
}
