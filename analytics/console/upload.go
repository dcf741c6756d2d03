package console

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// maxUpload is the largest file of costs or rates.
const maxUpload = 32 << 20

// postCosts stores costs that a program sends: CSV or a list in JSON.
func (c *Console) postCosts(w http.ResponseWriter, r *http.Request) {
	own, ok := c.mayUpload(w, r, r.URL.Query().Get("site"))
	if !ok {
		return
	}
	asked := r.URL.Query()
	how := report.CostFile{Site: own, Platform: asked.Get("platform"), Source: asked.Get("source"), Medium: asked.Get("medium")}
	costs, err := readUpload(w, r, func(body io.Reader) ([]report.Cost, error) {
		return report.ReadCosts(body, how)
	}, func(body io.Reader) ([]report.Cost, error) {
		return report.ReadCostsJSON(body, own)
	})
	if err == nil {
		err = c.keepCosts(r, own, costs)
	}
	if err != nil {
		c.fail(w, r, c.uploadProblem(r, err))
		return
	}
	writeJSON(w, map[string]int{"stored": len(costs)})
}

// postRates stores exchange rates that a program sends.
func (c *Console) postRates(w http.ResponseWriter, r *http.Request) {
	own, ok := c.mayUpload(w, r, r.URL.Query().Get("site"))
	if !ok {
		return
	}
	rates, err := readUpload(w, r, func(body io.Reader) ([]report.Rate, error) {
		return report.ReadRates(body, own)
	}, func(body io.Reader) ([]report.Rate, error) {
		return report.ReadRatesJSON(body, own)
	})
	if err == nil {
		err = c.opt.Keeper.PutRates(r.Context(), rates)
	}
	if err != nil {
		c.fail(w, r, c.uploadProblem(r, err))
		return
	}
	c.audit(r, principalOf(r).actor(), "rates_uploaded", own.ID, fmt.Sprintf("%d rates", len(rates)))
	writeJSON(w, map[string]int{"stored": len(rates)})
}

// keepCosts stores costs and notes who sent them.
func (c *Console) keepCosts(r *http.Request, own *site.Site, costs []report.Cost) error {
	if err := c.opt.Keeper.PutCosts(r.Context(), costs); err != nil {
		return err
	}
	first, last := costs[0].Day, costs[0].Day
	for _, one := range costs {
		first, last = min(first, one.Day), max(last, one.Day)
	}
	c.audit(r, principalOf(r).actor(), "costs_uploaded", own.ID,
		fmt.Sprintf("%d rows, %s to %s", len(costs), report.Day(first), report.Day(last)))
	return nil
}

// mayUpload finds the site and checks role, session token and store; it answers
// itself where something is missing.
func (c *Console) mayUpload(w http.ResponseWriter, r *http.Request, siteID string) (*site.Site, bool) {
	if !c.mayCall(w, r, uploadCosts) {
		return nil, false
	}
	own, fault := c.siteFor(principalOf(r), siteID)
	if fault != nil {
		c.fail(w, r, *fault)
		return nil, false
	}
	if c.opt.Keeper == nil {
		c.fail(w, r, problem{
			Status: http.StatusServiceUnavailable, Code: "store_unavailable", Detail: "this console has no store to keep uploads in", Fix: "use the console of a node with a store",
		})
		return nil, false
	}
	return own, true
}

// readUpload reads a body by its type: JSON, or CSV for everything else. One that
// was cut off is not blamed on how it is written.
func readUpload[T any](w http.ResponseWriter, r *http.Request, asCSV, asJSON func(io.Reader) ([]T, error)) ([]T, error) {
	read, from := asCSV, bodyOf(w, r, maxUpload)
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "application/json" {
		read = asJSON
	}
	list, err := read(from)
	if lost := from.lost(); lost != nil {
		return nil, lost
	}
	return list, err
}

// uploadProblem says which problem an upload's error is.
func (c *Console) uploadProblem(r *http.Request, err error) problem {
	var wrong *report.FileError
	var lost *lostBody
	switch {
	case errors.As(err, &wrong):
		return problem{
			Status: http.StatusUnprocessableEntity, Code: "bad_file", Detail: "nothing of the file is stored: " + wrong.Error(),
			Fix: "correct the lines named in faults and send the whole file again", Faults: wrong.Faults, MoreFaults: wrong.More,
		}
	case errors.As(err, &lost):
		return lost.problem()
	}
	return c.reportProblem(r, err)
}
