package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

const (
	maxMails    = 8 << 20 // bytes of a request that instruments
	maxMailList = 100     // mails of one
)

// MailWanted is a mail to be instrumented for one recipient. HTML is its page;
// or Message is all of it, as it is sent (RFC 5322).
type MailWanted struct {
	Site      string   `json:"site"`
	Campaign  string   `json:"campaign"`
	Source    string   `json:"source,omitempty"` // newsletter where empty
	Medium    string   `json:"medium,omitempty"` // email where empty
	Content   string   `json:"content,omitempty"`
	Term      string   `json:"term,omitempty"`
	ID        string   `json:"id,omitempty"`
	Recipient string   `json:"recipient"` // the mail address
	Ref       string   `json:"ref,omitempty"`
	List      string   `json:"list,omitempty"`
	HTML      string   `json:"html,omitempty"`
	Message   string   `json:"message,omitempty"`
	Exclude   []string `json:"exclude,omitempty"` // domains whose links stay
	Trap      bool     `json:"trap,omitempty"`    // adds a link that only machines follow
	Test      bool     `json:"test,omitempty"`    // its hits are not kept, nor is it counted
}

// MailMade is an instrumented mail.
type MailMade struct {
	HTML    string            `json:"html,omitempty"`
	Message string            `json:"message,omitempty"`
	Headers map[string]string `json:"headers"` // to be put into the mail; a message has them already
	Links   []MailLink        `json:"links"`   // in their order
	Pixel   bool              `json:"pixel"`
	Tracked bool              `json:"tracked"` // links lead through the edge
	Leave   string            `json:"unsubscribe_url"`
	Choices string            `json:"choices_url"`
}

// MailLink is a link of a mail and what became of it.
type MailLink struct {
	Address  string `json:"address"`
	Decision string `json:"decision"`
}

// MailResult is what became of one mail: made, or why not.
type MailResult struct {
	Made *MailMade
	Err  error // ErrUnsubscribed, a *report.Error, or what keeps all from being made
}

// ErrUnsubscribed says that a recipient left: nothing must be sent.
var ErrUnsubscribed = errors.New("the recipient has unsubscribed: do not send this mail")

// MailLeft is a recipient who left, by the sender's own names.
type MailLeft struct {
	Ref  string    `json:"ref"`
	List string    `json:"list"`
	Time time.Time `json:"time"`
}

// Mailing does what the console offers to those who send mail. Addresses go no
// further than it: what it stores are keyed hashes.
type Mailing interface {
	// Consents stores what recipients said, all or none. by says who says so. A
	// consent that cannot be stored is a *report.FileError.
	Consents(ctx context.Context, by string, list []MailConsent) error
	// Instrument makes mails of one site, and counts them before it returns. The
	// error is of all of them.
	Instrument(ctx context.Context, s *site.Site, mails []MailWanted) ([]MailResult, error)
	// Preview makes a mail as for a recipient who agreed to all, to be tried out.
	Preview(s *site.Site, w MailWanted) (*MailMade, error)
	// Unsubscribes lists who left from since on, and where to go on.
	Unsubscribes(ctx context.Context, s *site.Site, since time.Time) (left []MailLeft, next time.Time, err error)
}

// postInstrument makes one mail, or a list of them.
func (c *Console) postInstrument(w http.ResponseWriter, r *http.Request) {
	if !c.mayMail(w, r) {
		return
	}
	var mails oneOrMany[MailWanted]
	if !c.readJSON(w, r, maxMails, &mails) {
		return
	}
	if len(mails.list) == 0 || len(mails.list) > maxMailList {
		c.fail(w, r, problem{
			Status: http.StatusBadRequest, Code: "bad_body", Detail: strconv.Itoa(len(mails.list)) + " mails cannot be made at once", Fix: "send 1 to " + strconv.Itoa(maxMailList),
		})
		return
	}
	results, fault := c.instrument(r, mails.list)
	switch {
	case fault != nil:
		c.fail(w, r, *fault)
	case mails.many:
		c.writeMails(w, r, results)
	case results[0].Err != nil:
		c.fail(w, r, c.mailProblem(r, results[0].Err))
	default:
		writeJSON(w, results[0].Made)
	}
}

// instrument makes mails, which may be of several sites, in their order.
func (c *Console) instrument(r *http.Request, mails []MailWanted) ([]MailResult, *problem) {
	bySite, sites := map[string][]int{}, map[string]*site.Site{}
	for i, m := range mails {
		if _, known := sites[m.Site]; !known {
			own, fault := c.siteFor(principalOf(r), m.Site)
			if fault != nil {
				return nil, fault
			}
			sites[m.Site] = own
		}
		bySite[m.Site] = append(bySite[m.Site], i)
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	results := make([]MailResult, len(mails))
	for id, places := range bySite {
		own := make([]MailWanted, len(places))
		for i, at := range places {
			own[i] = mails[at]
		}
		made, err := c.opt.Mail.Instrument(ctx, sites[id], own)
		if err != nil {
			fault := c.reportProblem(r, err)
			return nil, &fault
		}
		for i, at := range places {
			results[at] = made[i]
		}
	}
	return results, nil
}

type mailItemJSON struct {
	Status int       `json:"status"`
	Mail   *MailMade `json:"mail,omitempty"`
	Code   string    `json:"code,omitempty"`
	Detail string    `json:"detail,omitempty"`
	Fix    string    `json:"fix,omitempty"`
}

// writeMails answers a list: each mail, or why it was not made.
func (c *Console) writeMails(w http.ResponseWriter, r *http.Request, results []MailResult) {
	out := make([]mailItemJSON, len(results))
	for i, one := range results {
		out[i] = mailItemJSON{Status: http.StatusOK, Mail: one.Made}
		if one.Err != nil {
			p := c.mailProblem(r, one.Err)
			out[i] = mailItemJSON{Status: p.Status, Code: p.Code, Detail: p.Detail, Fix: p.Fix}
		}
	}
	writeJSON(w, map[string]any{"mails": out})
}

func (c *Console) mailProblem(r *http.Request, err error) problem {
	if errors.Is(err, ErrUnsubscribed) {
		return problem{Status: http.StatusConflict, Code: "unsubscribed", Detail: "the recipient has unsubscribed", Fix: "do not send this mail, and take the recipient off the list"}
	}
	return c.reportProblem(r, err)
}

// mayMail checks the role, the session's token, and that there is a store.
func (c *Console) mayMail(w http.ResponseWriter, r *http.Request) bool {
	if !c.mayCall(w, r, sendMail) {
		return false
	}
	if c.opt.Mail == nil {
		c.fail(w, r, problem{
			Status: http.StatusServiceUnavailable, Code: "store_unavailable", Detail: "this console cannot look up what recipients said", Fix: "use the console of a node with a store",
		})
		return false
	}
	return true
}

// listUnsubscribes answers with who left a site.
func (c *Console) listUnsubscribes(w http.ResponseWriter, r *http.Request) {
	if !c.mayMail(w, r) {
		return
	}
	own, fault := c.siteFor(principalOf(r), r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	var since time.Time
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			c.fail(w, r, c.reportProblem(r, &report.Error{Parameter: "since", Problem: "is not a time", Fix: "write it as 2026-11-24T08:00:00Z, or take next of an earlier answer"}))
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	left, next, err := c.opt.Mail.Unsubscribes(ctx, own, since)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	if left == nil {
		left = []MailLeft{}
	}
	writeJSON(w, map[string]any{"unsubscribes": left, "next": next.UTC().Format("2006-01-02T15:04:05.000Z")})
}
