package console

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// noteJSON is a note as the API shows it.
type noteJSON struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Owner    string   `json:"owner"`
	Created  string   `json:"created,omitempty"`
	Filters  []string `json:"filters,omitempty"`
	Day      string   `json:"day,omitempty"`
	Report   string   `json:"report,omitempty"`
	Question string   `json:"question,omitempty"`
	Expires  string   `json:"expires,omitempty"`
	Path     string   `json:"path,omitempty"` // of a shared link, on this console's address
}

func (c *Console) noteJSON(n report.Note) noteJSON {
	out := noteJSON{ID: n.ID, Name: n.Name, Owner: n.Owner, Created: n.Created.UTC().Format(time.RFC3339)}
	switch n.Kind {
	case report.SegmentNote:
		out.Filters = strings.Split(n.Body, "\n")
	case report.MarkNote:
		out.Day = report.Day(n.Day).String()
	case report.ShareNote:
		out.Report, out.Question = splitShare(n.Body)
		out.Expires, out.Path = n.Expires.UTC().Format(time.RFC3339), c.sharePath(n)
	}
	return out
}

// notesFor finds sort and site of a request about notes, and checks the role
// and, where it changes something, the session's token and the store.
func (c *Console) notesFor(w http.ResponseWriter, r *http.Request, siteID string) (kind string, own *site.Site, ok bool) {
	kind, known := notePaths[r.PathValue("kind")]
	if !known {
		c.notFound(w, r)
		return "", nil, false
	}
	needed := readReports
	if kind == report.ShareNote && principalOf(r).role.may(readMailReport) {
		needed = readMailReport // for links to the mail report; maySee and shareBody keep it to those
	}
	if !c.allow(w, r, needed) {
		return "", nil, false
	}
	who := principalOf(r)
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead
	if changes && who.session != nil && strings.HasPrefix(r.URL.Path, "/api/") &&
		subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(who.session.csrf)) != 1 {
		c.fail(w, r, problem{
			Status: http.StatusForbidden, Code: "form_expired", Detail: "a call with a session must carry its token",
			Fix: "send the header " + csrfHeader + ", or use a bearer token",
		})
		return "", nil, false
	}
	own, fault := c.siteFor(who, siteID)
	if fault != nil {
		c.fail(w, r, *fault)
		return "", nil, false
	}
	if changes && c.opt.Keeper == nil {
		c.fail(w, r, problem{
			Status: http.StatusServiceUnavailable, Code: "store_unavailable", Detail: "this console has no store to keep anything in", Fix: "use the console of a node with a store",
		})
		return "", nil, false
	}
	return kind, own, true
}

// notesOf reads a site's notes of a kind, all of them or the one with the id, as far
// as the request's principal may see them.
func (c *Console) notesOf(r *http.Request, own *site.Site, kind, id string) ([]report.Note, error) {
	notes, err := report.Notes(r.Context(), c.opt.Source, own.ID, kind, id)
	hidden := func(n report.Note) bool { return !principalOf(r).maySee(n) }
	return slices.DeleteFunc(notes, hidden), err
}

// listNotes answers with a site's segments, marks or shared links.
func (c *Console) listNotes(w http.ResponseWriter, r *http.Request) {
	kind, own, ok := c.notesFor(w, r, r.URL.Query().Get("site"))
	if !ok {
		return
	}
	format, ok := c.formatOf(w, r)
	if !ok {
		return
	}
	notes, err := c.notesOf(r, own, kind, "")
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	list := []noteJSON{}
	for _, n := range notes {
		list = append(list, c.noteJSON(n))
	}
	if format == "csv" {
		c.writeCSV(w, r, r.PathValue("kind")+"_"+own.ID, noteList(list))
		return
	}
	writeJSON(w, map[string][]noteJSON{r.PathValue("kind"): list})
}

// postNote keeps a new one.
func (c *Console) postNote(w http.ResponseWriter, r *http.Request) {
	kind, own, ok := c.notesFor(w, r, r.URL.Query().Get("site"))
	if !ok {
		return
	}
	var in noteInput
	if !c.readJSON(w, r, maxForm, &in) {
		return
	}
	n, err := c.keepNote(r, kind, own, in, "")
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	writeStatus(w, http.StatusCreated, c.noteJSON(n))
}

// putNote replaces a segment or a mark. A shared link stays what it was made
// for: delete it and make another.
func (c *Console) putNote(w http.ResponseWriter, r *http.Request) {
	kind, own, ok := c.notesFor(w, r, r.URL.Query().Get("site"))
	if !ok {
		return
	}
	if kind == report.ShareNote {
		c.fail(w, r, problem{Status: http.StatusConflict, Code: "unchangeable", Detail: "a shared link shows what it was made for", Fix: "delete it and make another"})
		return
	}
	var in noteInput
	if !c.readJSON(w, r, maxForm, &in) {
		return
	}
	old, ok := c.noteToChange(w, r, kind, own)
	if !ok {
		return
	}
	n, err := c.keepNote(r, kind, own, in, old.ID)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	writeJSON(w, c.noteJSON(n))
}

// deleteNote takes one back. A shared link ends at once.
func (c *Console) deleteNote(w http.ResponseWriter, r *http.Request) {
	kind, own, ok := c.notesFor(w, r, r.URL.Query().Get("site"))
	if !ok {
		return
	}
	n, ok := c.noteToChange(w, r, kind, own)
	if !ok {
		return
	}
	if err := c.dropNote(r, n); err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// noteToChange finds the note that a request names and checks whose it is.
func (c *Console) noteToChange(w http.ResponseWriter, r *http.Request, kind string, own *site.Site) (n report.Note, ok bool) {
	id := r.PathValue("id")
	if id == "" {
		id = r.PostFormValue("id")
	}
	found, err := c.notesOf(r, own, kind, id)
	switch {
	case err != nil:
		c.fail(w, r, c.reportProblem(r, err))
	case id == "" || len(found) != 1:
		c.fail(w, r, problem{Status: http.StatusNotFound, Code: "not_found", Detail: "there is nothing at this address", Fix: "list what there is first"})
	case !principalOf(r).mayChange(found[0]):
		c.fail(w, r, problem{Status: http.StatusForbidden, Code: "forbidden", Detail: "it belongs to somebody else", Fix: "ask its owner or an administrator"})
	default:
		return found[0], true
	}
	return n, false
}

// keepNote checks and stores a note; a new one where no id is given.
func (c *Console) keepNote(r *http.Request, kind string, own *site.Site, in noteInput, id string) (n report.Note, err error) {
	who := principalOf(r)
	if kind == report.ShareNote && c.opt.Signer == nil {
		return n, errors.New("this console has no key to sign links with")
	}
	if n, err = in.note(kind, own, who, c.opt.Now()); err != nil {
		return n, err
	}
	action := kind + "_changed"
	if n.ID = id; id == "" {
		action = kind + "_made"
		if n.ID, err = newNoteID(); err != nil {
			return n, err
		}
		others, err := report.Notes(r.Context(), c.opt.Source, own.ID, kind, "")
		if err != nil {
			return n, err
		}
		if len(others) >= maxNotes {
			return n, &report.Error{Parameter: "site", Problem: "the site has as many as can be kept", Fix: "delete some first"}
		}
	}
	if err := c.opt.Keeper.PutNote(r.Context(), n); err != nil {
		return n, err
	}
	c.audit(r, who.actor(), action, own.ID, n.ID)
	return n, nil
}

func (c *Console) dropNote(r *http.Request, n report.Note) error {
	gone := n
	gone.Name, gone.Body, gone.Deleted = "", "", true
	if err := c.opt.Keeper.PutNote(r.Context(), gone); err != nil {
		return err
	}
	c.audit(r, principalOf(r).actor(), n.Kind+"_deleted", n.Site, n.ID)
	return nil
}

// WatchSites notes how sites are configured, now and whenever that changes,
// until ctx ends: charts mark the days (report.Marks). One node of a store does
// it.
func (c *Console) WatchSites(ctx context.Context, every time.Duration) {
	noted := map[string]string{}
	for {
		for _, s := range c.opt.Sites() {
			if err := c.noteState(ctx, s, noted); err != nil && ctx.Err() == nil {
				c.opt.Logger.Warn("how a site is configured is not noted", "site", s.ID, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// noteState notes one site's state where it is not the newest that is noted.
func (c *Console) noteState(ctx context.Context, s *site.Site, noted map[string]string) error {
	state := report.StateOf(s)
	if noted[s.ID] == state {
		return nil
	}
	notes, err := report.Notes(ctx, c.opt.Source, s.ID, report.StateNote, "")
	if err != nil {
		return err
	}
	if len(notes) == 0 || notes[len(notes)-1].Body != state {
		id, err := newNoteID()
		if err != nil {
			return err
		}
		now := c.opt.Now()
		n := report.Note{Site: s.ID, Kind: report.StateNote, ID: id, Body: state, Day: s.LocalDay(now), Created: now.UTC()}
		if err := c.opt.Keeper.PutNote(ctx, n); err != nil {
			return err
		}
	}
	noted[s.ID] = state
	return nil
}
