package console

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

const (
	mailPath        = "/mail"
	mailConsentPath = "/mail/consents"
	maxMailForm     = 2 << 20 // bytes, written as a form
)

type mailView struct {
	page
	Sites     []option
	Campaign  string
	HTML      string
	Made      *MailMade
	Decisions []mailDecision
	Pixel     string
	Error     string
	Fault     *report.Error

	Stored     string
	FileError  string
	Faults     []report.Fault
	MoreFaults bool
}

type mailDecision struct{ Address, Decision, Code string }

// mailPage shows the tools for mail.
func (c *Console) mailPage(w http.ResponseWriter, r *http.Request) {
	if !c.mayMail(w, r) {
		return
	}
	own, fault := c.siteOrFirst(principalOf(r), r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	c.render(w, http.StatusOK, "mail", c.newMailView(w, r, own))
}

func (c *Console) newMailView(w http.ResponseWriter, r *http.Request, own *site.Site) mailView {
	who := principalOf(r)
	v := mailView{page: c.newPage(w, r, "mailtool.title"), Campaign: r.PostForm.Get("campaign"), HTML: r.PostForm.Get("html")}
	v.Site = own
	v.navigate(who, mailPath, url.Values{"site": {own.ID}})
	for _, s := range c.sitesOf(who) {
		v.Sites = append(v.Sites, option{s.ID, s.Name, s.ID == own.ID})
	}
	return v
}

// tryMail shows what becomes of a template for somebody who agreed to all of
// it. Its links are made to be tried out: their hits are not kept.
func (c *Console) tryMail(w http.ResponseWriter, r *http.Request) {
	if !c.mayMail(w, r) {
		return
	}
	own, fault := c.siteFor(principalOf(r), r.PostForm.Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	v := c.newMailView(w, r, own)
	made, err := c.opt.Mail.Preview(own, MailWanted{Site: own.ID, Campaign: v.Campaign, HTML: v.HTML})
	if wrong, ok := asReportError(err); ok {
		v.Error, v.Fault = v.T("mailtool.wrong"), wrong
		c.render(w, http.StatusUnprocessableEntity, "mail", v)
		return
	}
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	v.Made = made
	for _, l := range made.Links {
		v.Decisions = append(v.Decisions, mailDecision{l.Address, v.T("mailtool.decision." + l.Decision), l.Decision})
	}
	v.Pixel = v.T("mailtool.nopixel")
	if made.Pixel {
		v.Pixel = v.T("mailtool.pixel")
	}
	c.render(w, http.StatusOK, "mail", v)
}

// receiveConsents stores the file of the form, or shows what is wrong with it.
func (c *Console) receiveConsents(w http.ResponseWriter, r *http.Request) {
	if !c.mayMail(w, r) {
		return
	}
	own, fault := c.siteFor(principalOf(r), r.PostFormValue("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	v := c.newMailView(w, r, own)
	file, _, err := r.FormFile("file")
	if err != nil {
		v.FileError = v.T("upload.nofile")
		c.render(w, http.StatusUnprocessableEntity, "mail", v)
		return
	}
	defer file.Close()
	rows, err := readConsentCSV(file)
	var stored int
	if err == nil {
		stored, fault, err = c.storeForm(r, rows, own)
	}
	var wrong *report.FileError
	switch {
	case fault != nil:
		c.fail(w, r, *fault)
	case errors.As(err, &wrong):
		v.FileError, v.Faults, v.MoreFaults = v.T("upload.wrong"), wrong.Faults, wrong.More
		c.render(w, http.StatusUnprocessableEntity, "mail", v)
	case err != nil:
		c.fail(w, r, c.uploadProblem(r, err))
	default:
		v.Stored = v.T("upload.stored", count(int64(stored)))
		c.render(w, http.StatusOK, "mail", v)
	}
}

// storeForm is storeConsents for a page: faults of the file come back as its
// error.
func (c *Console) storeForm(r *http.Request, rows []consentRow, own *site.Site) (int, *problem, error) {
	stored, fault := c.storeConsents(r, rows, own.ID)
	if fault != nil && fault.Faults != nil {
		return 0, nil, &report.FileError{Faults: fault.Faults, More: fault.MoreFaults}
	}
	return stored, fault, nil
}
