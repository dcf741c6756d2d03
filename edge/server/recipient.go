package server

import (
	"context"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// recipientForm names the form of the page in its token.
const recipientForm = "recipient"

// recipients reports whether a rights address is a mail recipient's.
func (s *Server) recipients(ctx *fasthttp.RequestCtx) bool {
	token, _ := ctx.UserValue("token").(string)
	right, _ := s.opts.Ring.OpenRecipientRight(token, s.opts.Now())
	return right.Recipient != 0
}

// openRecipientRight is openRight for a mail recipient. The right ends with the
// first change: any statement of the recipient that is later than the token, on
// any node, so that nothing has to be remembered of tokens.
func (s *Server) openRecipientRight(ctx *fasthttp.RequestCtx) (st *site.Site, right identity.RecipientRight, ok bool) {
	token, _ := ctx.UserValue("token").(string)
	right, err := s.opts.Ring.OpenRecipientRight(token, s.opts.Now())
	if st = s.site([]byte(right.Site)); st == nil {
		s.errorPage(ctx, fasthttp.StatusNotFound, nil, pageMissing, 1)
		return nil, right, false
	}
	used := s.opts.Withdrawn.Recipient(st.ID, right.Recipient).Newest.After(right.Issued)
	return st, right, s.mayUse(ctx, st, used || errors.Is(err, identity.ErrExpired))
}

// getRecipientRight shows what is kept about a mail recipient. Correcting leads to
// the page of mail preferences.
func (s *Server) getRecipientRight(ctx *fasthttp.RequestCtx) {
	st, right, ok := s.openRecipientRight(ctx)
	if !ok {
		return
	}
	kept, err := s.askKept(func(ctx context.Context, k Kept) ([]banner.KeptTable, error) {
		return k.AboutRecipient(ctx, st.ID, right.Recipient)
	})
	if err != nil {
		s.keptAway(ctx, st, err)
		return
	}
	subject := s.opts.Ring.RecipientHash(st.ID, right.Recipient)
	body := s.newKeptBody(st, subject, kept)
	view := s.keptView(ctx, st, subject, &body, recipientForm)
	choices, err := s.opts.Ring.SealLink(identity.MailChoices, identity.Link{Site: st.ID, Recipient: right.Recipient})
	if err != nil {
		s.opts.Logger.Error("edge: no link to mail preferences", "error", err) // the configuration bounds a site's id
	} else {
		view.Choices = "../m/" + choices
	}
	s.showRight(ctx, st, &body, view)
}

// postRecipientRight erases: what was measured goes, nothing more is, and who had
// unsubscribed stays so.
func (s *Server) postRecipientRight(ctx *fasthttp.RequestCtx) {
	st, right, ok := s.openRecipientRight(ctx)
	if !ok || !s.ownForm(ctx, st, recipientForm, s.opts.Ring.RecipientHash(st.ID, right.Recipient), 1) {
		return
	}
	if string(ctx.PostArgs().Peek("action")) != "erase" {
		s.errorPage(ctx, fasthttp.StatusBadRequest, st, pageMissing, 1)
		return
	}
	// Dated behind the right at the earliest, which it ends.
	err := s.eraseRecipient(st, right.Recipient, right.Issued.Add(time.Second), event.ByRecipient)
	if err != nil {
		s.opts.Logger.Error("edge: an erasure was not kept", "error", err)
		s.errorPage(ctx, fasthttp.StatusServiceUnavailable, st, pageBusy, 1)
		return
	}
	s.erasedPage(ctx, st)
}

// erasedPage says that an erasure has begun; the address it was asked on is over.
func (s *Server) erasedPage(ctx *fasthttp.RequestCtx, st *site.Site) {
	s.keptPage(ctx, banner.KeptView{Site: st, Lang: s.language(ctx, st), Erased: true, Depth: 1})
}
