package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

//go:embed page/*.html
var pageFiles embed.FS

//go:embed style/console.css
var frameStyle []byte

//go:embed style/figures.css
var figureStyle []byte

//go:embed style/icon.svg
var iconFile []byte

// pages are the parsed templates, each with the layout around it.
type pages map[string]*template.Template

func loadPages() (*pages, error) {
	out := pages{}
	for _, name := range []string{"signin", "report", "installation", "upload", "link", "mail", "audit", "notes", "problem"} {
		t, err := template.ParseFS(pageFiles, "page/layout.html", "page/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		out[name] = t
	}
	return &out, nil
}

// asset is a file whose name changes with its content, so that browsers may
// keep it for good.
type asset struct {
	name, media  string
	data, zipped []byte
}

func newAsset(name, extension, media string, data []byte) asset {
	sum := sha256.Sum256(data)
	return packed(name+"."+base64.RawURLEncoding.EncodeToString(sum[:6])+extension, media, data)
}

func (a asset) path() string { return "/assets/" + a.name }

func (c *Console) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := c.assets[r.PathValue("file")]
	if !ok {
		c.notFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	data := a.data
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		data = a.zipped
	}
	_, _ = w.Write(data) // the client has left; there is nobody to tell
}

// link is an address with its text; Current marks where the reader is.
type link struct {
	Text, URL string
	Lang      string // of the text, where it is not the page's
	Current   bool
}

// page is what the layout shows around every page.
type page struct {
	Lang        string
	Title       string
	Style, Icon string
	Nav         []link // to the reports
	Tools       []link // to everything else
	Languages   []link
	Account     string // who is signed in; empty where nobody is
	CSRF        string // of the sign-out form
	Geo         string // the geo database's attribution
	Version     string
	Scripts     []string   // the islands that the page brings
	Site        *site.Site // nil where the page is about none
	say         func(key string, values ...any) string
}

// T returns a text in the page's language.
func (p page) T(key string, values ...any) string { return p.say(key, values...) }

// newPage makes the frame of a page. titleKey names its title.
func (c *Console) newPage(w http.ResponseWriter, r *http.Request, titleKey string) page {
	lang := c.languageFor(w, r)
	p := page{
		Lang: lang, Style: c.style.path(), Icon: c.icon.path(), Geo: c.opt.GeoAttribution, Version: c.opt.Version,
		say: func(key string, values ...any) string { return c.texts.say(lang, key, values...) },
	}
	p.Title = p.T(titleKey)
	w.Header().Add("Vary", "Accept-Language")
	w.Header().Add("Vary", "Cookie")
	for _, name := range c.texts.names {
		query := r.URL.Query()
		query.Set("lang", name)
		p.Languages = append(p.Languages, link{
			Text: c.texts.say(name, "language"), URL: "?" + query.Encode(), Lang: name, Current: name == lang,
		})
	}
	if who := principalOf(r); who != nil && who.session != nil {
		p.Account = p.T("account.signedin", who.name, p.T("role."+string(who.role)))
		p.CSRF = who.session.csrf
	}
	return p
}

// navOrder lists the reports that have a page, most asked for first.
var navOrder = [...]string{
	"campaigns", "attribution", "channels", "sources", "pages", "funnel", "retention", "timeseries", "mail", "costs", "consent", "coverage", "bots",
}

// navigate fills the links to the other pages: those that the role covers.
func (p *page) navigate(who *principal, path string, carry url.Values) {
	for _, name := range navOrder {
		if !who.role.may(toRead(name)) || !slices.Contains(report.Names(), name) {
			continue
		}
		target := "/reports/" + name
		p.Nav = append(p.Nav, link{Text: p.T("report." + name), URL: target + "?" + shared(carry, name).Encode(), Current: path == target})
	}
	only := url.Values{}
	if id := carry.Get("site"); id != "" {
		only.Set("site", id)
	}
	for _, tool := range []struct {
		needed     permission
		path, text string
	}{
		{makeLinks, linksPath, "nav.links"},
		{readReports, "/notes/segments", "notes.segments"},
		{readReports, "/notes/marks", "notes.marks"},
		{readReports, "/notes/shares", "notes.shares"},
		{sendMail, mailPath, "nav.mail"},
		{readInstallation, "/installation", "nav.installation"},
		{readAudit, auditPath, "nav.audit"},
	} {
		if who.role.may(tool.needed) {
			target := tool.path + "?" + only.Encode()
			if tool.path == auditPath {
				target = auditPath // sign-ins are about no site
			}
			p.Tools = append(p.Tools, link{Text: p.T(tool.text), URL: target, Current: path == tool.path})
		}
	}
}

// render writes a page. It is built in memory first: an error gives a whole
// error and not half a page.
func (c *Console) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := (*c.pages)[name].ExecuteTemplate(&b, "layout", data); err != nil {
		c.opt.Logger.Error("page cannot be made", "page", name, "error", err)
		http.Error(w, "this page cannot be made; the reason is in the service's log", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	allowScripts(w.Header(), data)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client has left; there is nobody to tell
}

// home sends to the first page that the role covers.
func (c *Console) home(w http.ResponseWriter, r *http.Request) {
	p := page{say: func(key string, _ ...any) string { return key }}
	p.navigate(principalOf(r), "", url.Values{})
	all := slices.Concat(p.Nav, p.Tools)
	if len(all) == 0 {
		c.fail(w, r, problem{
			Status: http.StatusForbidden, Code: "forbidden", Detail: "there is no page yet for the role " + string(principalOf(r).role),
			Fix: "use the API, described at /api/v1/openapi.yaml",
		})
		return
	}
	target, _, _ := strings.Cut(all[0].URL, "?")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

type problemView struct {
	page
	Problem problem
	Said    string // what happened, in the page's language
}

// problemPage shows a problem to a person.
func (c *Console) problemPage(w http.ResponseWriter, r *http.Request, p problem) {
	view := problemView{page: c.newPage(w, r, "problem.title"), Problem: p}
	view.Said = view.T("problem." + p.Code)
	if who := principalOf(r); who != nil {
		view.navigate(who, r.URL.Path, url.Values{})
	}
	c.render(w, p.Status, "problem", view)
}
