package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// Options is what a console stands on.
type Options struct {
	// Sites returns the sites as they are configured now.
	Sites func() []*site.Site
	// Accounts returns who may come in, as configured now. A user who is gone
	// from it, or has another password, is signed out.
	Accounts func() Accounts
	// Source answers the reports' statements.
	Source report.Source
	// Keeper stores uploads and the audit log; nil where there is no store, and
	// uploads are refused.
	Keeper Keeper
	// Links signs ad links and pixels.
	Links Linker
	// Signer signs shared links; nil where there is no key, and none are made.
	Signer Signer
	// Mail instruments mail and keeps what recipients said; nil where there is no
	// store, and mail is refused.
	Mail Mailing
	// Events keeps events of websites' servers; nil where this process has no
	// edge, and they are refused.
	Events Teller
	// Rights carries out what people ask of an operator; nil where there is no
	// store, and it is refused.
	Rights Rights
	// CompleteUntil returns the moment up to which the store holds everything
	// that was answered as recorded. Nil or a zero time: unknown, and the
	// newest row stands for it.
	CompleteUntil func(ctx context.Context) time.Time
	// Now is the clock.
	Now func() time.Time
	// Logger gets outcomes; never an address, a password or a mistyped name.
	Logger *slog.Logger
	// Address returns where a request comes from, or a key that stands for it, for
	// counting failed sign-ins; nil takes the connection's. Behind a proxy it must
	// be the client's, as a trusted proxy says it, or all clients are counted as one.
	Address func(*http.Request) string
	// Secure says that the console is reached over https.
	Secure bool
	// Origin is where people open the console, scheme and host, for links that
	// leave it; empty takes what each request was sent to.
	Origin string
	// GeoAttribution is the line that the geo database's licence asks for;
	// empty where none is loaded.
	GeoAttribution string
	// QueryTimeout ends a report that takes longer; 0 is 30 s.
	QueryTimeout time.Duration
	// Patience is how long a report's page is held back to be sent whole; 0 is 1 s.
	Patience time.Duration
	// Version is the program's.
	Version string
}

// Console serves the pages and the API. Make it with New.
type Console struct {
	opt      Options
	sessions *sessions
	tries    *tries
	hashing  chan struct{} // a slot per password that is being checked
	texts    *texts
	pages    *pages
	islands  *islands
	style    asset
	icon     asset
	assets   map[string]asset // all of them, by file name
}

// hashingSlots bounds the memory of password checks: 19 MiB each.
const hashingSlots = 2

// New checks the options and makes a console.
func New(opt Options) (*Console, error) {
	if opt.Sites == nil || opt.Accounts == nil || opt.Source == nil || opt.Links == nil {
		return nil, errors.New("console: options Sites, Accounts, Source and Links must be set")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Address == nil {
		opt.Address = connectionAddress
	}
	if opt.QueryTimeout == 0 {
		opt.QueryTimeout = 30 * time.Second
	}
	if opt.Patience == 0 {
		opt.Patience = patience
	}
	if err := opt.Accounts().Check(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	texts, err := loadTexts()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	pages, err := loadPages()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	islands, err := loadIslands(distFiles)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &Console{
		opt: opt, sessions: newSessions(opt.Now), tries: newTries(opt.Now), hashing: make(chan struct{}, hashingSlots),
		texts: texts, pages: pages, islands: islands, assets: map[string]asset{},
		style: newAsset("console", ".css", "text/css; charset=utf-8", slices.Concat(frameStyle, figureStyle)),
		icon:  newAsset("icon", ".svg", "image/svg+xml", iconFile),
	}
	for _, a := range slices.Concat([]asset{c.style, c.icon}, islands.parts, slices.Collect(maps.Values(islands.entries))) {
		c.assets[a.name] = a
	}
	return c, nil
}

// route is one operation: every one of them is in openapi.yaml.
type route struct {
	method, path string
	serve        http.HandlerFunc
}

// routes lists every operation of the console.
func (c *Console) routes() []route {
	return []route{
		{"GET", "/", c.signedIn(c.home)},
		{"GET", "/signin", c.signInForm},
		{"POST", "/signin", c.signIn},
		{"POST", "/signout", c.signedIn(c.signOut)},
		{"GET", "/reports/{name}", c.signedIn(c.reportPage)},
		{"GET", "/installation", c.signedIn(c.installationPage)},
		{"GET", uploadPath, c.signedIn(c.uploadPage)},
		{"POST", uploadPath, c.signedIn(c.receiveUpload)},
		{"GET", linksPath, c.signedIn(c.linkPage)},
		{"POST", linksPath, c.signedIn(c.receiveLink)},
		{"GET", mailPath, c.signedIn(c.mailPage)},
		{"POST", mailPath, c.signedIn(c.tryMail)},
		{"POST", mailConsentPath, c.signedIn(c.receiveConsents)},
		{"GET", auditPath, c.signedIn(c.auditPage)},
		{"GET", "/notes/{kind}", c.signedIn(c.notesPage)},
		{"POST", "/notes/{kind}", c.signedIn(c.receiveNote)},
		{"GET", "/shared/{token}", c.sharedPage},
		{"GET", "/assets/{file}", c.serveAsset},
		{"GET", "/api/v1/reports", c.identified(c.listReports)},
		{"GET", "/api/v1/reports/{name}", c.identified(c.reportData)},
		{"GET", "/api/v1/installation", c.identified(c.installationData)},
		{"POST", "/api/v1/costs", c.identified(c.postCosts)},
		{"POST", "/api/v1/rates", c.identified(c.postRates)},
		{"POST", "/api/v1/links", c.identified(c.postLink)},
		{"POST", "/api/v1/events", c.identified(c.postEvents)},
		{"POST", "/api/v1/mail/consents", c.identified(c.postMailConsents)},
		{"POST", "/api/v1/mail/instrument", c.identified(c.postInstrument)},
		{"GET", "/api/v1/mail/unsubscribes", c.identified(c.listUnsubscribes)},
		{"GET", "/api/v1/audit", c.identified(c.auditData)},
		{"POST", "/api/v1/erasures", c.identified(c.postErasure)},
		{"GET", "/api/v1/erasures/{subject}", c.identified(c.erasureData)},
		{"POST", "/api/v1/exports", c.identified(c.postExport)},
		{"GET", "/api/v1/exports/{token}", c.identified(c.exportData)},
		{"GET", "/api/v1/notes/{kind}", c.identified(c.listNotes)},
		{"POST", "/api/v1/notes/{kind}", c.identified(c.postNote)},
		{"PUT", "/api/v1/notes/{kind}/{id}", c.identified(c.putNote)},
		{"DELETE", "/api/v1/notes/{kind}/{id}", c.identified(c.deleteNote)},
		{"GET", "/api/v1/marks", c.identified(c.marksData)},
		{"GET", "/api/v1/openapi.yaml", c.serveOpenAPI},
		{"GET", "/healthz", c.healthz},
	}
}

// Handler returns the console as a handler.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for _, r := range c.routes() {
		pattern := r.path
		if pattern == "/" {
			pattern = "/{$}"
		}
		mux.HandleFunc(r.method+" "+pattern, r.serve)
		allowed[pattern] = append(allowed[pattern], r.method)
	}
	for pattern, methods := range allowed {
		mux.HandleFunc(pattern, c.methodNotAllowed(methods))
	}
	mux.HandleFunc("/", c.notFound)
	return c.headers(http.NewCrossOriginProtection().Handler(mux))
}

func (c *Console) methodNotAllowed(methods []string) http.HandlerFunc {
	if slices.Contains(methods, "GET") {
		methods = append(methods, "HEAD")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		c.fail(w, r, problem{
			Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
			Detail: fmt.Sprintf("%s is not answered here", r.Method), Fix: "use " + strings.Join(methods, " or "),
		})
	}
}

func (c *Console) notFound(w http.ResponseWriter, r *http.Request) {
	c.fail(w, r, problem{
		Status: http.StatusNotFound, Code: "not_found", Detail: "there is nothing at this address",
		Fix: "the API is described at /api/v1/openapi.yaml, the pages start at /",
	})
}

func (c *Console) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}
