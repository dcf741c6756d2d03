package server

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// openMail reads the token of a mail's own pages, or answers that it is none.
func (s *Server) openMail(ctx *fasthttp.RequestCtx, use identity.Use) (*site.Site, *identity.Link) {
	token, _ := ctx.UserValue("token").(string)
	link, err := s.opts.Ring.OpenLink(use, token)
	st := s.site([]byte(link.Site))
	if err != nil || st == nil {
		s.errorPage(ctx, fasthttp.StatusNotFound, nil, pageMissing, 1)
		return nil, nil
	}
	return st, &link
}

// getUnsubscribe is GET /u/{token}: a button. Whatever follows links of a mail
// unsubscribes nobody.
func (s *Server) getUnsubscribe(ctx *fasthttp.RequestCtx) {
	if st, _ := s.openMail(ctx, identity.Unsubscribe); st != nil {
		s.unsubscribePage(ctx, st, false)
	}
}

func (s *Server) unsubscribePage(ctx *fasthttp.RequestCtx, st *site.Site, done bool) {
	lang := s.language(ctx, st)
	s.page(ctx, fasthttp.StatusOK, func(w io.Writer) error { return s.opts.Banner.RenderUnsubscribe(w, st, lang, done) })
}

// postUnsubscribe is POST /u/{token}, from the page's button or in one click from
// a mail program (RFC 8058): no cookie, no Origin, no redirect, whatever the body
// and however it is encoded, and the same answer each time. The token is all that
// it takes, and no address is limited: mail providers post for all their users.
func (s *Server) postUnsubscribe(ctx *fasthttp.RequestCtx) {
	st, link := s.openMail(ctx, identity.Unsubscribe)
	if st == nil {
		return
	}
	if err := s.leave(link); err != nil {
		s.opts.Logger.Error("edge: an unsubscription was not kept", "error", err)
		s.errorPage(ctx, fasthttp.StatusServiceUnavailable, st, pageBusy, 1)
		return
	}
	s.unsubscribePage(ctx, st, true)
}

// leave unsubscribes a link's recipient: on disk when it returns, counting here at
// once and on the other nodes when they hear of it. What was said within the last
// day is not said again, unless it was taken back since.
func (s *Server) leave(link *identity.Link) error {
	if link.Test {
		return nil
	}
	id := sha256.Sum256(fmt.Appendf(nil, "unsubscribe/%s/%d/%q/%q", link.Site, link.Recipient, link.Ref, link.List))
	said := [16]byte(id[:16])
	state := s.seen.begin(said, s.opts.Now())
	if state == kept && s.opts.Withdrawn.Recipient(link.Site, link.Recipient).Unsubscribed() {
		return nil
	}
	err := s.state(withdrawal.Entry{Site: link.Site, Recipient: link.Recipient, Mail: withdrawal.Denied},
		event.Statement{By: event.ByThemselves, Sealed: s.opts.Ring.SealRef(link.Site, link.Ref, link.List)})
	if state != pending {
		s.seen.end(said, err == nil)
	}
	return err
}

// state keeps what a recipient says here and now, together with other records, and
// lets it count. The statement's choices and time are the entry's; a time that the
// entry has is the earliest that it may get.
func (s *Server) state(e withdrawal.Entry, said event.Statement, others ...event.Record) error {
	earliest := e.Time
	e = s.opts.Withdrawn.Act(e)
	if e.Time.Before(earliest) {
		e.Time = earliest
	}
	marks, err := s.opts.Withdrawn.Marks(e)
	if err != nil {
		return err //nolint:wrapcheck // it says what and where already
	}
	said.Site, said.Recipient, said.Time = e.Site, e.Recipient, e.Time
	said.Open, said.Click, said.All = event.Choice(e.Open), event.Choice(e.Click), event.Choice(e.Mail)
	if err := s.keep(marks, append(others, event.Record{Statement: &said})...); err != nil {
		return err
	}
	s.opts.Withdrawn.Apply(e)
	return nil
}
