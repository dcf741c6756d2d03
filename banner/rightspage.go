package banner

import (
	"io"

	"github.com/kunjicloud/kunji/edge/site"
)

// KeptView is what /v1/me?site= and /r/{token} show to a browser: all that is
// kept about one visitor or recipient, and a button that erases it (policy
// 5.1 to 5.3). Its form posts csrf and action=erase.
type KeptView struct {
	Site     *site.Site
	Lang     string
	Tables   []KeptTable // none: nothing is kept
	Download string      // address of the same as a file; empty: no link
	Erase    string      // where the form posts; empty: the page's own address
	CSRF     string
	Erased   bool // the post was accepted
	// RightsURL is absolute; where the last post gave one.
	RightsURL string
	Choices   string           // address of a recipient's mail preferences; empty: no link
	Incidents []*site.Incident // from Site.Told
	Depth     int              // folders of the page's address below the edge's prefix
}

// KeptTable is rows of one sort.
type KeptTable struct {
	Name    string     `json:"name"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"` // each as long as Columns
}

type keptPage struct {
	frame
	Message, Intro, Download, Erase, CSRF, Correct, RightsURL, Choices string
	Tables                                                             []KeptTable
	Incidents                                                          []told
}

// RenderKept writes that page.
func (a *Assets) RenderKept(w io.Writer, v KeptView) error {
	p := keptPage{
		frame: a.frame(v.Site, v.Lang, a.in(v.Lang).Pages["me"], v.Depth), Tables: v.Tables,
		Download: v.Download, Erase: v.Erase, CSRF: v.CSRF, RightsURL: v.RightsURL, Choices: v.Choices,
	}
	var err error
	if p.Incidents, err = tell(v.Incidents, v.Lang); err != nil {
		return err
	}
	p.Intro = fill(p.T["me_intro"], "site", siteName(v.Site))
	if v.Erased {
		p.Message = p.T["me_erased"]
	}
	if mail := v.Site.Controller.Email; mail != "" {
		p.Correct = fill(p.T["me_correct"], "email", mail)
	}
	return a.render(w, "kept", p)
}

type askPage struct {
	frame
	CSRF string
	Sent bool
}

// RenderAsk writes GET /rights/{site}: ask by mail address. After a post
// (sent) it says the same whether or not anything is kept.
func (a *Assets) RenderAsk(w io.Writer, s *site.Site, lang, csrf string, sent bool) error {
	return a.render(w, "ask", askPage{frame: a.frame(s, lang, a.in(lang).Pages["rights_title"], 1), CSRF: csrf, Sent: sent})
}

// MailView is what GET /m/{token} shows: a recipient's own switches. Its form
// posts csrf, action (save or unsubscribe), mail_open=1 and mail_click=1.
type MailView struct {
	Site        *site.Site
	Lang        string
	Open, Click bool // what is granted now
	CSRF        string
	Saved       bool
}

type mailPage struct {
	frame
	Message, Intro, CSRF string
	Open, Click          bool
}

// RenderMail writes that page.
func (a *Assets) RenderMail(w io.Writer, v MailView) error {
	p := mailPage{frame: a.frame(v.Site, v.Lang, a.in(v.Lang).Pages["mail_title"], 1), CSRF: v.CSRF, Open: v.Open, Click: v.Click}
	p.Intro = fill(p.T["mail_intro"], "site", siteName(v.Site))
	if v.Saved {
		p.Message = p.T["saved"]
	}
	return a.render(w, "mail", p)
}

// RenderUnsubscribe writes GET and POST /u/{token}: a button, and after it what
// was done.
func (a *Assets) RenderUnsubscribe(w io.Writer, s *site.Site, lang string, done bool) error {
	t := a.in(lang).Pages
	v := MessageView{Site: s, Lang: lang, Title: t["unsubscribe_title"], Depth: 1}
	if done {
		v.Paragraphs = []string{t["unsubscribed"]}
	} else {
		v.Paragraphs = []string{fill(t["unsubscribe_text"], "site", siteName(s))}
		v.Form = &Form{Button: t["unsubscribe_button"]}
	}
	return a.RenderMessage(w, v)
}
