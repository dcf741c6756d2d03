package console

import (
	"context"
	"html"
	"net/http"
	"net/url"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

const (
	linksPath = "/links"
	maxLink   = 16 << 10 // bytes of a request for a link
)

// Kinds of links.
const (
	clickLink       = "click"
	impressionPixel = "impression"
)

// LinkWanted is a link to be made, as the API takes it.
type LinkWanted struct {
	Site     string `json:"site"`
	Kind     string `json:"kind"` // click or impression
	URL      string `json:"url"`  // where a click leads
	Source   string `json:"source"`
	Medium   string `json:"medium"`
	Campaign string `json:"campaign"`
	Content  string `json:"content"`
	Term     string `json:"term"`
	ID       string `json:"id"`
	Test     bool   `json:"test"` // its hits are not kept
}

// LinkMade is a link that was made.
type LinkMade struct {
	URL         string `json:"url"`                   // what the advertisement carries
	Destination string `json:"destination,omitempty"` // where a click leads, with UTM tags
	HTML        string `json:"html"`                  // to paste
	// OwnDomain says that the destination is on a domain of the site: on
	// others the visit is not seen.
	OwnDomain bool `json:"own_domain"`
}

// Linker signs links. What is wrong with a wanted one is a *report.Error.
type Linker interface {
	MakeLink(ctx context.Context, s *site.Site, w LinkWanted) (LinkMade, error)
}

// postLink makes a link for a program.
func (c *Console) postLink(w http.ResponseWriter, r *http.Request) {
	var wanted LinkWanted
	if !c.mayCall(w, r, makeLinks) || !c.readJSON(w, r, maxLink, &wanted) {
		return
	}
	if wanted.Kind == "" {
		wanted.Kind = clickLink
	}
	own, fault := c.siteFor(principalOf(r), wanted.Site)
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	made, err := c.makeLink(r, own, wanted)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	writeJSON(w, made)
}

// makeLink signs a link and notes who asked for it.
func (c *Console) makeLink(r *http.Request, own *site.Site, wanted LinkWanted) (LinkMade, error) {
	if wanted.Kind != clickLink && wanted.Kind != impressionPixel {
		return LinkMade{}, &report.Error{Parameter: "kind", Problem: "is neither", Fix: "write click or impression"}
	}
	made, err := c.opt.Links.MakeLink(r.Context(), own, wanted)
	if err != nil {
		return LinkMade{}, err
	}
	address := html.EscapeString(made.URL)
	made.HTML = `<a href="` + address + `"></a>`
	if wanted.Kind == impressionPixel {
		made.HTML = `<img src="` + address + `" width="1" height="1" alt="">`
	}
	c.audit(r, principalOf(r).actor(), "link_made", own.ID, wanted.Kind)
	return made, nil
}

type linkView struct {
	page
	Sites  []option
	Kinds  []option
	Wanted LinkWanted
	Made   *LinkMade
	Error  string
	Fault  *report.Error
}

// linkPage shows the form; an address of it may fill in its fields.
func (c *Console) linkPage(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, makeLinks) {
		return
	}
	own, fault := c.siteOrFirst(principalOf(r), r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	c.render(w, http.StatusOK, "link", c.newLinkView(w, r, own, wantedLink(r.URL.Query())))
}

func wantedLink(v url.Values) LinkWanted {
	w := LinkWanted{
		Kind: v.Get("kind"), URL: v.Get("url"), Source: v.Get("source"), Medium: v.Get("medium"), Campaign: v.Get("campaign"),
		Content: v.Get("content"), Term: v.Get("term"), ID: v.Get("id"), Test: v.Get("test") != "",
	}
	if w.Kind == "" {
		w.Kind = clickLink
	}
	return w
}

func (c *Console) newLinkView(w http.ResponseWriter, r *http.Request, own *site.Site, wanted LinkWanted) linkView {
	who := principalOf(r)
	v := linkView{page: c.newPage(w, r, "link.title"), Wanted: wanted}
	v.Site = own
	v.bring(c, linkIsland)
	v.navigate(who, linksPath, url.Values{"site": {own.ID}})
	for _, s := range c.sitesOf(who) {
		v.Sites = append(v.Sites, option{s.ID, s.Name, s.ID == own.ID})
	}
	for _, kind := range []string{clickLink, impressionPixel} {
		v.Kinds = append(v.Kinds, option{kind, v.T("link.kind." + kind), kind == wanted.Kind})
	}
	return v
}

// receiveLink makes the link of the form and shows it above the form.
func (c *Console) receiveLink(w http.ResponseWriter, r *http.Request) {
	if !c.mayCall(w, r, makeLinks) {
		return
	}
	own, fault := c.siteFor(principalOf(r), r.PostForm.Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	wanted := wantedLink(r.PostForm)
	if wanted.Kind == impressionPixel {
		wanted.URL = "" // the field is there whatever was chosen
	}
	view := c.newLinkView(w, r, own, wanted)
	made, err := c.makeLink(r, own, wanted)
	if wrong, ok := asReportError(err); ok {
		view.Fault = wrong
		view.Error = view.T("link.wrong", view.T("link.field."+wrong.Parameter))
		c.render(w, http.StatusUnprocessableEntity, "link", view)
		return
	}
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	view.Made = &made
	c.render(w, http.StatusOK, "link", view)
}
