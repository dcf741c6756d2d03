package banner

import (
	"fmt"
	"io"
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// frame is what every page has around its content. Links are relative, so that
// pages work below any prefix.
type frame struct {
	Lang, Dir, Title, SiteName, SiteID string
	Root                               string // "../" for each folder below the edge's prefix
	Style                              string
	Titled                             bool // the content has a heading of level 1 itself
	Controller                         site.Controller
	T, D, B                            map[string]string // wording: pages, dialog, banner
}

func (a *Assets) frame(s *site.Site, lang, title string, depth int) frame {
	w := a.in(lang)
	if a.words[lang] == nil {
		lang = fallback
	}
	f := frame{
		Lang: lang, Dir: w.Meta.Dir, Title: title, SiteName: "Kunji", Root: strings.Repeat("../", depth),
		Style: a.StylePart(), T: w.Pages, D: w.Dialog, B: w.Banner,
	}
	if s != nil {
		f.SiteID, f.Controller, f.SiteName = s.ID, s.Controller, siteName(s)
	}
	return f
}

func siteName(s *site.Site) string {
	if s.Name != "" {
		return s.Name
	}
	return s.ID
}

func (a *Assets) render(w io.Writer, page string, view any) error {
	if err := a.pages.ExecuteTemplate(w, page, view); err != nil {
		return fmt.Errorf("render the %s page: %w", page, err)
	}
	return nil
}

// ChoicesView is what GET /choices/{site} shows. Its forms post to the same
// address, urlencoded: csrf, notice (its version), lang and method (accept_all,
// reject_all, save, withdraw). The first form also posts age (adult, minor),
// guardian=1, and purpose.{name} and service.{id} as yes or no, which count
// with save only: a purpose without an answer is absent and keeps its state.
// Saving is the first button, so that Enter never accepts everything. The
// second form posts erase=1 where the box beside withdraw is ticked.
type ChoicesView struct {
	Site      *site.Site
	Lang      string
	Regime    site.Regime
	GPC       bool              // Sec-GPC: 1 came with the request
	Decisions map[string]string // purpose → granted, denied or unset
	Services  map[string]string // service → granted or denied
	Age       string            // adult, minor, unanswered or ""
	Guardian  bool
	CSRF      string
	Message   Message          // what the last post did
	RightsURL string           // absolute; where the last post gave one
	Incidents []*site.Incident // from Site.Told
}

// Message is said on top of a page after a post.
type Message string

// The messages.
const (
	NoMessage  Message = ""
	Saved      Message = "saved"
	Withdrawn  Message = "withdrawn"
	Erased     Message = "me_erased"
	AgeMissing Message = "age_missing" // nothing was changed
)

type choice struct {
	ID, Name, Text  string
	Facts           [][2]string
	Granted, Denied bool
	Services        []choice
}

type choicesPage struct {
	frame
	Message, RightsURL, Stopped, Intro, Change, Signal, CSRF, Notice, AgeAnswer string
	Age                                                                         *ageText
	Guardian, Grants                                                            bool
	Purposes                                                                    []choice
	Incidents                                                                   []told
}

// RenderChoices writes the choices page. It needs no script.
func (a *Assets) RenderChoices(w io.Writer, v ChoicesView) error {
	s := v.Site
	first := a.firstLayer(s, v.Lang, v.Regime)
	p := choicesPage{frame: a.frame(s, v.Lang, a.in(v.Lang).Pages["choices_title"], 1)}
	var err error
	if p.Incidents, err = tell(v.Incidents, v.Lang); err != nil {
		return err
	}
	p.Message, p.RightsURL, p.CSRF, p.Notice = p.T[string(v.Message)], v.RightsURL, v.CSRF, a.Notice(s, v.Lang).Version
	if v.Message == AgeMissing {
		p.Message = p.B[string(v.Message)]
	}
	p.Intro, p.Change = fill(p.T["choices_intro"], "site", siteName(s)), first.Change
	p.Age, p.AgeAnswer, p.Guardian = first.Age, v.Age, v.Guardian
	if v.GPC {
		p.Signal = first.GPC
	}
	if s.Status == site.Stopped {
		p.Stopped = fill(p.T["stopped"], "site", siteName(s))
	}
	rows := a.services(s, v.Lang)
	for _, use := range s.Purposes {
		id := use.ID.String()
		c := choice{
			ID: id, Name: p.D[id], Text: p.D[id+"_text"],
			Granted: v.Decisions[id] == "granted", Denied: v.Decisions[id] == "denied",
		}
		if use.ID == site.CrossBorder {
			c.Facts = a.transferFacts(s, v.Lang)
		}
		p.Grants = p.Grants || c.Granted
		for _, row := range rows {
			if row.Purpose != use.ID {
				continue
			}
			said := v.Services[row.ID]
			c.Services = append(c.Services, choice{
				ID: row.ID, Name: row.Name, Facts: row.Facts,
				Granted: said == "granted" && c.Granted, Denied: said == "denied",
			})
		}
		p.Purposes = append(p.Purposes, c)
	}
	return a.render(w, "choices", p)
}

// MessageView is a page with a title, paragraphs and perhaps one button:
// errors, unsubscribing, receipts of a right.
type MessageView struct {
	Site       *site.Site // nil where none is known
	Lang       string
	Title      string
	Paragraphs []string
	Form       *Form
	Depth      int // folders of the page's address below the edge's prefix
}

// Form is a form that is nothing but its button.
type Form struct {
	Action string // empty: the page's own address
	Hidden [][2]string
	Button string
}

type messagePage struct {
	frame
	Paragraphs []string
	Form       *Form
}

// RenderMessage writes such a page.
func (a *Assets) RenderMessage(w io.Writer, v MessageView) error {
	return a.render(w, "message", messagePage{frame: a.frame(v.Site, v.Lang, v.Title, v.Depth), Paragraphs: v.Paragraphs, Form: v.Form})
}
