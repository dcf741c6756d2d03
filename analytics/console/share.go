package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// Signer signs shared links; *identity.Ring is behind it, with a key for this
// use alone.
type Signer interface {
	// Sign returns the token of a payload without a dot.
	Sign(payload string) string
	// Verify returns the payload of a token.
	Verify(token string) (payload string, err error)
}

// sharePath is a shared link's path. Its token is the signature over site, id
// and expiry: nothing that was not made here opens anything, and what it shows
// stands in the store, where it can be taken back.
func (c *Console) sharePath(n report.Note) string {
	if c.opt.Signer == nil {
		return ""
	}
	return "/shared/" + c.opt.Signer.Sign(fmt.Sprintf("%s~%s~%d", n.Site, n.ID, n.Expires.Unix()))
}

// splitShare returns report and question of a shared link's body.
func splitShare(body string) (name, question string) {
	asked, err := url.ParseQuery(body)
	if err != nil {
		return "", ""
	}
	name = asked.Get("report")
	asked.Del("report")
	return name, asked.Encode()
}

// openShare finds what a token was made for; ok is false where it opens
// nothing, whatever the reason.
func (c *Console) openShare(r *http.Request) (own *site.Site, n report.Note, ok bool, err error) {
	if c.opt.Signer == nil {
		return nil, n, false, nil
	}
	payload, err := c.opt.Signer.Verify(r.PathValue("token"))
	parts := strings.Split(payload, "~")
	if err != nil || len(parts) != 3 {
		return nil, n, false, nil
	}
	expires, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || !c.opt.Now().Before(time.Unix(expires, 0)) {
		return nil, n, false, nil
	}
	for _, s := range c.opt.Sites() {
		if s.ID == parts[0] {
			own = s
		}
	}
	if own == nil {
		return nil, n, false, nil
	}
	notes, err := report.Notes(r.Context(), c.opt.Source, own.ID, report.ShareNote, parts[1])
	if err != nil || len(notes) != 1 {
		return nil, n, false, err
	}
	return own, notes[0], true, nil
}

// sharedPage shows the one report that a link was made for, as a page or as
// CSV, to whoever has the link: without a session, without a cookie, without a
// way to ask anything else.
func (c *Console) sharedPage(w http.ResponseWriter, r *http.Request) {
	own, n, ok, err := c.openShare(r)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	if !ok {
		c.fail(w, r, problem{
			Status: http.StatusNotFound, Code: "link_ended", Detail: "this link has ended, was taken back, or is not whole", Fix: "ask whoever sent it for a new one",
		})
		return
	}
	name, question := splitShare(n.Body)
	asked, err := url.ParseQuery(question)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, fmt.Errorf("the question of shared link %s: %w", n.ID, err)))
		return
	}
	if last, err := strconv.Atoi(asked.Get("last")); err == nil {
		to := report.DayOf(c.opt.Now(), own.Zone)
		asked.Set("from", (to - report.Day(last) + 1).String())
		asked.Set("to", to.String())
	}
	if r.URL.Query().Get("format") == "csv" {
		c.answerReport(w, r, own, name, asked, "csv", r.URL.Query().Get("part"))
		return
	}
	c.showReport(w, r, &viewer{site: own, name: name, asked: asked, shared: &n})
}
