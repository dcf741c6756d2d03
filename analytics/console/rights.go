package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// maxRight is how many bytes a request about a person may have.
const maxRight = 16 << 10

// RightAsked is what an operator asks for a person who wrote or called, and whose
// right was checked (policy 5.1 to 5.3).
type RightAsked struct {
	Site string `json:"site"`
	// Exactly one of the two: a number or a handle, or a mail address. An address
	// stands in a body alone, never in a path or a query, which logs keep.
	Visitor   string `json:"visitor"`
	Recipient string `json:"recipient"`
	Reason    string `json:"reason"` // for the audit log
}

// Erasure is how far an erasure is.
type Erasure struct {
	Site        string    `json:"site"`
	Subject     string    `json:"subject"` // the person's keyed hash, as the audit log has it
	State       string    `json:"state"`   // requested, listed, deleted, masked, done
	Requested   time.Time `json:"requested,omitzero"`
	RequestedBy string    `json:"requested_by"` // visitor, recipient, operator
	Finished    time.Time `json:"finished,omitzero"`
	Events      uint64    `json:"events"`
	Touches     uint64    `json:"touches"`
	Consents    uint64    `json:"consents"`
	Receipt     string    `json:"receipt,omitempty"` // the signature, in base64
	Note        string    `json:"note,omitempty"`    // what else is to be known or done
}

// Rights carries out what people ask of an operator. What is wrong with a
// question is a *report.Error; no error repeats whom it is about.
type Rights interface {
	// Erase begins an erasure: when it returns, the tombstone is on disk and the
	// audit log tells of it.
	Erase(ctx context.Context, s *site.Site, asked RightAsked, actor string) (Erasure, error)
	// Erasure finds the newest erasure of a subject of a site.
	Erasure(ctx context.Context, s *site.Site, subject string) (e Erasure, known bool, err error)
	// AllowExport makes a token by which this actor alone fetches an export.
	AllowExport(s *site.Site, asked RightAsked, actor string) (token string, until time.Time, err error)
	// Export makes the export that a token of this actor's is about, which must be
	// of one of the sites, and notes it in the audit log before it returns. The
	// answer is JSON. ErrExport: the token is over, or another's.
	Export(ctx context.Context, own []*site.Site, token, actor string) (any, error)
}

// ErrExport says that nothing is exported by a token.
var ErrExport = errors.New("the address of this export is over, or was made for another account")

// mayServe checks the role, the session's token, and that there is somebody to
// carry it out.
func (c *Console) mayServe(w http.ResponseWriter, r *http.Request) bool {
	if !c.mayCall(w, r, servePeople) {
		return false
	}
	if c.opt.Rights == nil {
		c.fail(w, r, problem{
			Status: http.StatusServiceUnavailable, Code: "store_unavailable", Detail: "this console has no store in which people could be found", Fix: "use the console of a node with a store",
		})
		return false
	}
	return true
}

// readRight reads what is asked, and finds the site.
func (c *Console) readRight(w http.ResponseWriter, r *http.Request) (asked RightAsked, own *site.Site, ok bool) {
	if !c.mayServe(w, r) || !c.readJSON(w, r, maxRight, &asked) {
		return asked, nil, false
	}
	own, fault := c.siteFor(principalOf(r), asked.Site)
	if fault == nil && (asked.Visitor == "") == (asked.Recipient == "") {
		fault = &problem{
			Status: http.StatusBadRequest, Code: "bad_parameter", Parameter: "visitor", Detail: "must be there, or recipient, and not both",
			Fix: "send a visitor's number or handle as visitor, or a mail address as recipient",
		}
	}
	if fault != nil {
		c.fail(w, r, *fault)
		return asked, nil, false
	}
	return asked, own, true
}

// postErasure begins to erase a person.
func (c *Console) postErasure(w http.ResponseWriter, r *http.Request) {
	asked, own, ok := c.readRight(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	e, err := c.opt.Rights.Erase(ctx, own, asked, principalOf(r).actor())
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	w.Header().Set("Location", "/api/v1/erasures/"+e.Subject+"?"+url.Values{"site": {own.ID}}.Encode())
	writeStatus(w, http.StatusAccepted, e)
}

// erasureData answers how far an erasure is.
func (c *Console) erasureData(w http.ResponseWriter, r *http.Request) {
	if !c.mayServe(w, r) {
		return
	}
	own, fault := c.siteFor(principalOf(r), r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	e, known, err := c.opt.Rights.Erasure(ctx, own, r.PathValue("subject"))
	switch {
	case err != nil:
		c.fail(w, r, c.reportProblem(r, err))
	case !known:
		c.fail(w, r, problem{
			Status: http.StatusNotFound, Code: "not_found", Detail: "the store knows no erasure of this subject",
			Fix: "wait some seconds after it was asked for: until the store has it, it waits on the disk of the node that was asked",
		})
	default:
		writeJSON(w, e)
	}
}

// postExport makes the address of an export.
func (c *Console) postExport(w http.ResponseWriter, r *http.Request) {
	asked, own, ok := c.readRight(w, r)
	if !ok {
		return
	}
	token, until, err := c.opt.Rights.AllowExport(own, asked, principalOf(r).actor())
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	path := "/api/v1/exports/" + token
	w.Header().Set("Location", path)
	writeStatus(w, http.StatusCreated, map[string]any{"path": path, "expires": until.UTC().Format(time.RFC3339)})
}

// exportData hands a person's data out.
func (c *Console) exportData(w http.ResponseWriter, r *http.Request) {
	if !c.mayServe(w, r) {
		return
	}
	who := principalOf(r)
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	export, err := c.opt.Rights.Export(ctx, c.sitesOf(who), r.PathValue("token"), who.actor())
	switch {
	case errors.Is(err, ErrExport):
		c.fail(w, r, problem{Status: http.StatusNotFound, Code: "link_ended", Detail: err.Error(), Fix: "ask for the export again by POST /api/v1/exports"})
	case err != nil:
		c.fail(w, r, c.reportProblem(r, err))
	default:
		writeJSON(w, export)
	}
}
