package console

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// notePaths are the three sorts of things that people keep, by the last part of
// their addresses.
var notePaths = map[string]string{"segments": report.SegmentNote, "marks": report.MarkNote, "shares": report.ShareNote}

const (
	maxNoteText  = 200 // characters of a name or a mark
	maxNotes     = 500 // of a site and kind
	shareDefault = 30  // days that a shared link lives
	shareLongest = 366
)

// noteInput is what a person or a program says of a note. Which fields count
// depends on its sort.
type noteInput struct {
	Name     string   `json:"name"`     // of a segment or a shared link; what a mark says
	Filters  []string `json:"filters"`  // a segment's
	Day      string   `json:"day"`      // a mark's
	Report   string   `json:"report"`   // a shared link's
	Question string   `json:"question"` // its from, to, compare, filter and options, as a query string
	Last     int      `json:"last"`     // the last so many days up to today, in place of from and to
	Days     int      `json:"days"`     // how long it works
}

// note checks an input. The error is a *report.Error.
func (in noteInput) note(kind string, own *site.Site, who *principal, now time.Time) (report.Note, error) {
	n := report.Note{Site: own.ID, Kind: kind, Name: strings.TrimSpace(in.Name), Owner: who.actor(), Created: now.UTC(), Day: own.LocalDay(now)}
	if n.Name == "" || utf8.RuneCountInString(n.Name) > maxNoteText || strings.ContainsAny(n.Name, "\r\n") {
		return n, &report.Error{Parameter: "name", Problem: "there is no name, or it is too long", Fix: fmt.Sprintf("write one line of 1 to %d characters", maxNoteText)}
	}
	var err error
	switch kind {
	case report.SegmentNote:
		n.Body, err = segmentBody(in.Filters)
	case report.MarkNote:
		var day report.Day
		if day, err = report.ParseDay(in.Day); err != nil {
			err = &report.Error{Parameter: "day", Problem: fmt.Sprintf("%q is not a day", in.Day), Fix: "write it as 2026-11-24"}
		}
		n.Day = int32(day)
	case report.ShareNote:
		n.Body, err = in.shareBody(own, who, now)
		days := in.Days
		if days == 0 {
			days = shareDefault
		}
		if err == nil && (days < 1 || days > shareLongest) {
			err = &report.Error{Parameter: "days", Problem: fmt.Sprintf("a link cannot live %d days", days), Fix: fmt.Sprintf("write 1 to %d", shareLongest)}
		}
		n.Expires = now.UTC().AddDate(0, 0, days)
	}
	return n, err
}

// segmentBody checks a segment's filters and writes one a line.
func segmentBody(filters []string) (string, error) {
	var all []report.Filter
	for _, text := range filters {
		if strings.ContainsAny(text, "\r\n") {
			return "", &report.Error{Parameter: "filters", Problem: "a filter has a line break", Fix: "leave it out"}
		}
		f, err := report.ParseFilter(text)
		if err != nil {
			return "", err
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return "", &report.Error{Parameter: "filters", Problem: "the segment has no filter", Fix: "add at least one, such as country:DE"}
	}
	if !slices.ContainsFunc(report.Names(), func(name string) bool { return report.CanFilter(name, all) == nil }) {
		return "", &report.Error{Parameter: "filters", Problem: "no report can be filtered by all of these", Fix: "use columns of one report: " + strings.Join(report.FilterColumns("campaigns"), ", ")}
	}
	return strings.Join(filters, "\n"), nil
}

// shareBody checks a shared link's question and writes it as a query string
// that begins with the report.
func (in noteInput) shareBody(own *site.Site, who *principal, now time.Time) (string, error) {
	if !slices.Contains(report.Names(), in.Report) || !who.role.may(toRead(in.Report)) {
		return "", &report.Error{Parameter: "report", Problem: fmt.Sprintf("there is no report %q for this account", in.Report), Fix: "write one of those that /api/v1/reports lists"}
	}
	asked, err := url.ParseQuery(in.Question)
	if err != nil {
		return "", &report.Error{Parameter: "question", Problem: "the question is not a query string", Fix: "write it as from=2026-11-01&to=2026-11-30"}
	}
	if in.Last < 0 || in.Last > report.MaxDays {
		return "", &report.Error{Parameter: "last", Problem: fmt.Sprintf("%d days", in.Last), Fix: fmt.Sprintf("write 1 to %d, or leave it out", report.MaxDays)}
	}
	query, err := report.ParseQuery(own, asked.Get("from"), asked.Get("to"), asked.Get("compare"), asked["filter"], now)
	if err == nil {
		err = setOptions(&query, in.Report, asked)
	}
	if err == nil {
		err = report.CanFilter(in.Report, query.Filters)
	}
	if err != nil {
		return "", err
	}
	out := carried(query, in.Report)
	out.Del("site")
	for _, f := range query.Filters {
		out.Add("filter", f.String())
	}
	out.Set("report", in.Report)
	if in.Last > 0 {
		out.Del("from")
		out.Del("to")
		out.Set("last", strconv.Itoa(in.Last))
	}
	return out.Encode(), nil
}

// newNoteID returns 128 random bits.
func newNoteID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("random bytes for a note: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// maySee reports whether a principal may see a note. A shared link opens its report
// to whoever has it: only those who may read that report are shown it.
func (p *principal) maySee(n report.Note) bool {
	if n.Kind != report.ShareNote {
		return true
	}
	name, _ := splitShare(n.Body)
	return p.role.may(toRead(name))
}

// mayChange reports whether a principal may change a note: its owner, or an
// administrator.
func (p *principal) mayChange(n report.Note) bool { return p.role == Admin || p.actor() == n.Owner }
