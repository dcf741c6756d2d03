package console

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
)

// A page whose figures are long in coming is sent in two parts: the form, how
// long it has been waiting, how many rows were read so far, and a link that takes
// the question back; and the figures, which hide that. It needs no script: whoever follows the link, leaves
// or closes the page ends the connection, and with it the statements in
// ClickHouse.

const (
	// patience is how long a page is held back to be sent whole, with a status of
	// its own where it fails.
	patience = time.Second
	// tick is how often the page says how long it has been waiting, and glance
	// how long ClickHouse may take to say what it has read.
	tick   = time.Second
	glance = tick / 2
)

// answers are the figures of a report's page.
type answers struct {
	table *report.Table
	chart *chart
	err   error
}

// question is a report's page that waits for its figures.
type question struct {
	source *report.Watched
	name   string
	query  report.Query
}

// ask answers a page's questions side by side: the report, the chart above it
// and its marks.
func (q question) ask(ctx context.Context, p *page) answers {
	name, query := q.name, q.query
	var a answers
	var marks []report.Mark
	var views []markView
	var chartErr, markErr error
	var wg sync.WaitGroup
	if hasChart(name) && !query.CompleteUntil.IsZero() {
		wg.Go(func() { marks, views, markErr = marksOn(ctx, q.source, p, query) })
	}
	if name != timeseriesReport && hasChart(name) {
		wg.Go(func() { a.chart, chartErr = visitsByDay(ctx, q.source, p, query) })
	}
	a.table, a.err = report.Run(ctx, q.source, name, query)
	wg.Wait()
	for _, err := range []error{chartErr, markErr} {
		if a.err == nil {
			a.err = err
		}
	}
	if a.err != nil {
		return a
	}
	if name == timeseriesReport {
		a.chart = drawVisits(p, a.table)
	}
	if a.chart != nil && query.CompleteUntil.IsZero() { // only the answer tells
		query.CompleteUntil = a.table.Meta.CompleteUntil
		if marks, views, a.err = marksOn(ctx, q.source, p, query); a.err != nil {
			return a
		}
	}
	if a.chart != nil {
		a.chart.mark(marks, views)
	}
	return a
}

// waitingView is a page that is sent in two parts.
type waitingView struct {
	reportView
	CancelAt string
	Late     bool // only the answer says up to when it is complete
}

// showWhenAnswered sends the page once there are figures, whole if they come in
// time.
func (c *Console) showWhenAnswered(w http.ResponseWriter, r *http.Request, q question, view reportView, fill func(*reportView, answers), answered <-chan answers) {
	select {
	case a := <-answered:
		if a.err != nil {
			c.fail(w, r, c.reportProblem(r, a.err))
			return
		}
		fill(&view, a)
		c.render(w, http.StatusOK, "report", view)
		return
	case <-time.After(c.opt.Patience):
	}
	asked := r.URL.Query()
	asked.Set("ask", "no")
	late := view.Complete == ""
	if !c.sendPart(w, "begin", waitingView{view, r.URL.Path + "?" + asked.Encode(), late}) {
		return
	}
	waited, ticks := c.opt.Patience, time.Tick(tick)
	for {
		select {
		case a := <-answered:
			if a.err != nil {
				p := c.reportProblem(r, a.err)
				c.sendPart(w, "failed", problemView{page: view.page, Problem: p, Said: view.T("problem." + p.Code)})
				return
			}
			fill(&view, a)
			c.sendPart(w, "end", waitingView{view, "", late})
			return
		case <-ticks:
			waited += tick
			if !c.sendPart(w, "tick", q.progress(r.Context(), &view.page, waited)) {
				return // the client has left, and the answer with it
			}
		}
	}
}

// progress says how long a question has been waiting, and what was read for it.
func (q question) progress(ctx context.Context, p *page, waited time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	text := p.T("waiting.seconds", int(waited.Seconds()))
	if rows, err := q.source.Rows(ctx); err == nil && rows > 0 { // who may not see it waits all the same
		text += " · " + p.T("waiting.rows", count(rows))
	}
	return text
}

// sendPart sends a part of a report's page at once; false where that fails.
func (c *Console) sendPart(w http.ResponseWriter, name string, data any) bool {
	var b bytes.Buffer
	if err := (*c.pages)["report"].ExecuteTemplate(&b, name, data); err != nil {
		c.opt.Logger.Error("page cannot be made", "page", "report", "part", name, "error", err)
		return false
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // of nginx in front
	allowScripts(w.Header(), data)
	if _, err := w.Write(b.Bytes()); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}
