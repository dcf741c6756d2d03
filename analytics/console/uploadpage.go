package console

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/kunjicloud/kunji/analytics/report"
)

// uploadPath is the form for a file of costs.
const uploadPath = "/costs/upload"

type uploadView struct {
	page
	Sites      []option
	Platforms  []option
	Stored     string // what became of the file, where one was stored
	Faults     []report.Fault
	MoreFaults bool
	Error      string
	CostsAt    string
}

// uploadPage shows the form.
func (c *Console) uploadPage(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, uploadCosts) {
		return
	}
	own, fault := c.siteOrFirst(principalOf(r), r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	c.render(w, http.StatusOK, "upload", c.newUpload(w, r, own.ID, ""))
}

func (c *Console) newUpload(w http.ResponseWriter, r *http.Request, siteID, platform string) uploadView {
	who := principalOf(r)
	v := uploadView{page: c.newPage(w, r, "upload.title")}
	v.navigate(who, "/reports/costs", url.Values{"site": {siteID}})
	for _, s := range c.sitesOf(who) {
		if s.ID == siteID {
			v.Site = s
		}
		v.Sites = append(v.Sites, option{s.ID, s.Name, s.ID == siteID})
	}
	for _, name := range append([]string{""}, report.Platforms()...) {
		v.Platforms = append(v.Platforms, option{name, v.T("platform." + name), name == platform})
	}
	v.CostsAt = "/reports/costs?" + url.Values{"site": {siteID}}.Encode()
	return v
}

// receiveUpload stores the file of the form, or shows the form again with what
// is wrong.
func (c *Console) receiveUpload(w http.ResponseWriter, r *http.Request) {
	own, ok := c.mayUpload(w, r, r.PostFormValue("site"))
	if !ok {
		return
	}
	view := c.newUpload(w, r, own.ID, r.PostFormValue("platform"))
	file, _, err := r.FormFile("file")
	if err != nil {
		view.Error = view.T("upload.nofile")
		c.render(w, http.StatusUnprocessableEntity, "upload", view)
		return
	}
	defer file.Close()
	costs, err := report.ReadCosts(file, report.CostFile{
		Site: own, Platform: r.PostFormValue("platform"), Source: r.PostFormValue("source"), Medium: r.PostFormValue("medium"),
	})
	if err == nil {
		err = c.keepCosts(r, own, costs)
	}
	var wrong *report.FileError
	switch {
	case errors.As(err, &wrong):
		view.Error, view.Faults, view.MoreFaults = view.T("upload.wrong"), wrong.Faults, wrong.More
		c.render(w, http.StatusUnprocessableEntity, "upload", view)
	case err != nil:
		c.fail(w, r, c.uploadProblem(r, err))
	default:
		view.Stored = view.T("upload.stored", count(int64(len(costs))))
		c.render(w, http.StatusOK, "upload", view)
	}
}
