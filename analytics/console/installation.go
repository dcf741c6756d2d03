package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
)

type hitView struct {
	Kind, Reason, Advice, Count string
}

type installationView struct {
	page
	Sites                       []option
	Verdict                     string // also the class of the headline
	Headline, Advice            string
	Last, Banner, Hours         string
	Recorded, Machines, Refused []hitView
	Tag                         string
	CSV                         string
}

// installationPage answers: does my tag work?
func (c *Console) installationPage(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, readInstallation) {
		return
	}
	who := principalOf(r)
	own, fault := c.siteOrFirst(who, r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	in, err := report.CheckInstallation(ctx, c.opt.Source, own, c.opt.Now())
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	view := installationView{page: c.newPage(w, r, "nav.installation"), Verdict: string(in.Verdict)}
	view.Site, view.CSV = own, "/api/v1/installation?"+csvOf(own)
	view.navigate(who, r.URL.Path, url.Values{"site": {own.ID}})
	for _, s := range c.sitesOf(who) {
		view.Sites = append(view.Sites, option{s.ID, s.Name, s.ID == own.ID})
	}
	view.Headline, view.Advice = view.T("installation."+view.Verdict), view.T("installation."+view.Verdict+".do")
	view.Last = view.T("installation.never")
	if !in.LastEvent.IsZero() {
		view.Last = view.T("installation.last", clock(in.LastEvent, own.Zone)+" ("+own.Zone.String()+")")
	}
	view.Banner = view.T("installation.banner", count(in.BannerShown), count(in.BannerAnswered))
	view.Hours = view.T("installation.hours", clock(in.Since.Truncate(time.Hour), own.Zone))
	view.Recorded = view.hits(in.Recorded, own.MinGroup)
	view.Machines = view.hits(in.Machines, own.MinGroup)
	view.Refused = view.hits(in.Refused, own.MinGroup)
	if len(own.Endpoints) > 0 {
		view.Tag = `<script src="` + own.Endpoints[0].JoinPath("b", own.ID+".js").String() + `" async></script>`
	}
	c.render(w, http.StatusOK, "installation", view)
}

func (v *installationView) hits(list []report.HitCount, least int) []hitView {
	var out []hitView
	for _, h := range list {
		one := hitView{Kind: v.T("kind." + h.Kind), Reason: h.Reason, Count: count(h.Count)}
		if key := "reason." + h.Reason; v.T(key) != key {
			one.Reason, one.Advice = v.T(key), v.T(key+".do")
		}
		if h.Few {
			one.Count = v.T("installation.few", least-1)
		}
		out = append(out, one)
	}
	return out
}

func count(n int64) string { return thousands(strconv.FormatInt(n, 10)) }
