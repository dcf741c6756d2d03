package server

import (
	"io"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// askForm names the form of the page in its token.
const askForm = "ask"

// RightsMailer sends somebody their rights address.
type RightsMailer interface {
	// SendRight takes a mail over: when it returns nil the mail is on disk, and is
	// tried until its right is over. No error shows the address or the link.
	SendRight(to mail.Address, m RightMail) error
}

// RightMail is what such a mail says.
type RightMail struct {
	Site    *site.Site
	Lang    string // BCP 47
	Address string // of the right: absolute
	Until   time.Time
}

// Limits of asking by mail address: of one network address, and of mails to one
// recipient. Nobody may fill a mailbox by asking in another's name.
const (
	askEvery, askBurst = 12 * time.Second, time.Minute
	mailEvery          = 10 * time.Minute
	maxAsking          = 16 // at one moment
)

// asking is what stands behind the page.
type asking struct {
	mailer  RightsMailer // nil: no mail goes out
	clients *limits
	people  *limits
	slots   chan struct{}
	under   sync.WaitGroup
}

func newAsking(mailer RightsMailer) *asking {
	return &asking{mailer: mailer, clients: newSlowLimits(askEvery, askBurst), people: newSlowLimits(mailEvery, mailEvery), slots: make(chan struct{}, maxAsking)}
}

// getAsk is GET /rights/{site}: ask by mail address what is kept about it.
func (s *Server) getAsk(ctx *fasthttp.RequestCtx) {
	if st := s.askSite(ctx); st != nil {
		s.askPage(ctx, st, false)
	}
}

// askSite finds the site, or answers why asking is not possible. Without a mail
// server the page names the controller's address, as every page does.
func (s *Server) askSite(ctx *fasthttp.RequestCtx) *site.Site {
	st := s.pageSite(ctx, 1)
	if st != nil && s.asking.mailer == nil {
		s.errorPage(ctx, fasthttp.StatusServiceUnavailable, st, pageBusy, 1)
		return nil
	}
	return st
}

func (s *Server) askPage(ctx *fasthttp.RequestCtx, st *site.Site, sent bool) {
	lang := s.language(ctx, st)
	csrf := s.opts.Ring.FormToken(askForm, st.ID, nobody, s.opts.Now())
	s.page(ctx, fasthttp.StatusOK, func(w io.Writer) error { return s.opts.Banner.RenderAsk(w, st, lang, csrf, sent) })
}

// postAsk is POST /rights/{site}: the page's form. The answer is the same, and as
// fast, whether something is kept about the address, nothing is, or it is none:
// what follows from it is done beside the request.
func (s *Server) postAsk(ctx *fasthttp.RequestCtx) {
	st := s.askSite(ctx)
	if st == nil || !s.ownForm(ctx, st, askForm, nobody, 1) {
		return
	}
	var v visit
	s.locate(ctx, &v)
	if !s.asking.clients.allow(v.rateKey, 1, s.opts.Now()) {
		s.errorPage(ctx, fasthttp.StatusTooManyRequests, st, pageBusy, 1)
		return
	}
	m := RightMail{Site: st, Lang: s.language(ctx, st), Address: s.address(ctx, st) + "/r/"}
	to, err := mail.ParseAddress(string(ctx.PostArgs().Peek("email")))
	if err == nil {
		select {
		case s.asking.slots <- struct{}{}:
			s.asking.under.Go(func() {
				defer func() { <-s.asking.slots }()
				s.sendRight(to, m)
			})
		default:
			s.opts.Logger.Warn("edge: too many ask for their rights at once; one was not answered")
		}
	}
	s.askPage(ctx, st, true)
}

// sendRight sends a right to whom something is known about. Nothing is kept of a
// recipient without a statement of theirs, so who made none gets no mail.
func (s *Server) sendRight(to mail.Address, m RightMail) {
	now := s.opts.Now()
	recipient := to.Recipient(s.opts.Ring, m.Site.ID)
	if s.opts.Withdrawn.Recipient(m.Site.ID, recipient) == (withdrawal.State{}) || !s.asking.people.allow(recipient, 1, now) {
		return
	}
	m.Until = now.Add(identity.MailRightLifetime)
	m.Address += s.opts.Ring.SealRecipientRight(identity.RecipientRight{Site: m.Site.ID, Recipient: recipient, Issued: now})
	if err := s.asking.mailer.SendRight(to, m); err != nil {
		s.opts.Logger.Error("edge: a mail about rights was not taken over", "error", err)
	}
}
