package server

import (
	"io"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// mailForm names the form of the page in its token.
const mailForm = "mail"

// getMailChoices is GET /m/{token}: what a recipient's mail may measure, with a
// switch for each purpose (policy 2.4, 6.4).
func (s *Server) getMailChoices(ctx *fasthttp.RequestCtx) {
	st, link := s.openMail(ctx, identity.MailChoices)
	if st == nil {
		return
	}
	said := s.opts.Withdrawn.Recipient(st.ID, link.Recipient)
	view := banner.MailView{
		Site: st, Lang: s.language(ctx, st),
		Open:  consent.MailChoice(st, event.Choice(said.Open), said.OpenAt) == event.Granted,
		Click: consent.MailChoice(st, event.Choice(said.Click), said.ClickAt) == event.Granted,
		CSRF:  s.opts.Ring.FormToken(mailForm, st.ID, s.opts.Ring.RecipientHash(st.ID, link.Recipient), s.opts.Now()),
		Saved: string(ctx.QueryArgs().Peek("done")) == "saved",
	}
	s.page(ctx, fasthttp.StatusOK, func(w io.Writer) error { return s.opts.Banner.RenderMail(w, view) })
}

// postMailChoices is POST /m/{token}: the page's form. It grants and denies what
// is measured, or unsubscribes; it never takes an unsubscription back.
func (s *Server) postMailChoices(ctx *fasthttp.RequestCtx) {
	st, link := s.openMail(ctx, identity.MailChoices)
	if st == nil || !s.ownForm(ctx, st, mailForm, s.opts.Ring.RecipientHash(st.ID, link.Recipient), 1) {
		return
	}
	var v visit
	s.locate(ctx, &v)
	if !s.limits.allow(v.rateKey, 1, s.opts.Now()) {
		s.errorPage(ctx, fasthttp.StatusTooManyRequests, st, pageBusy, 1)
		return
	}
	form, lang := ctx.PostArgs(), s.language(ctx, st)
	var err error
	switch string(form.Peek("action")) {
	case "unsubscribe":
		if err = s.leave(link); err == nil {
			s.unsubscribePage(ctx, st, true)
			return
		}
	case "save":
		if !link.Test {
			err = s.state(withdrawal.Entry{
				Site: st.ID, Recipient: link.Recipient, Open: ticked(form, "mail_open"), Click: ticked(form, "mail_click"),
			}, event.Statement{By: event.ByThemselves, Proof: "the page of mail preferences, in " + lang})
		}
		if err == nil {
			var query fasthttp.Args
			query.Set("done", "saved")
			query.Set("lang", lang)
			back(ctx, &query)
			return
		}
	default:
		s.errorPage(ctx, fasthttp.StatusBadRequest, st, pageMissing, 1)
		return
	}
	s.opts.Logger.Error("edge: a recipient's choice was not kept", "error", err)
	s.errorPage(ctx, fasthttp.StatusServiceUnavailable, st, pageBusy, 1)
}

// ticked reads a box of a form: one that is not ticked is a no.
func ticked(form *fasthttp.Args, name string) withdrawal.Choice {
	if string(form.Peek(name)) == "1" {
		return withdrawal.Granted
	}
	return withdrawal.Denied
}
