package console

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// Limits of what recipients are said to have agreed to.
const (
	maxConsents  = 200_000 // rows of one request
	maxProof     = 1000    // bytes
	listedFaults = 20
)

// Said is what a recipient said about one thing.
type Said uint8

// What can be said.
const (
	SaidNothing Said = iota
	SaidYes
	SaidNo
)

// MailConsent is what a recipient said, as a sender states it.
type MailConsent struct {
	Line      int // of the file, or place in the list; from 1
	Site      *site.Site
	Recipient string // the mail address
	Open      Said   // mail_open
	Click     Said   // mail_click
	Mail      Said   // SaidNo unsubscribes; SaidYes takes that back, with a proof
	Time      time.Time
	Proof     string
}

// consentRow is a consent as it is written in a file or a list.
type consentRow struct {
	line                                          int
	site, recipient, open, click, mail, at, proof string
}

// postMailConsents stores what recipients said: a list in JSON, or CSV.
func (c *Console) postMailConsents(w http.ResponseWriter, r *http.Request) {
	if !c.mayMail(w, r) {
		return
	}
	rows, err := readUpload(w, r, readConsentCSV, readConsentJSON)
	if err != nil {
		c.fail(w, r, c.uploadProblem(r, err))
		return
	}
	stored, fault := c.storeConsents(r, rows, r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	writeJSON(w, map[string]int{"stored": stored})
}

// storeConsents checks rows and stores them, all or none. Rows that name no
// site are siteID's.
func (c *Console) storeConsents(r *http.Request, rows []consentRow, siteID string) (int, *problem) {
	who, faults := principalOf(r), consentFaults{}
	sites, list := map[string]*site.Site{}, make([]MailConsent, 0, len(rows))
	for i := range rows {
		row := &rows[i]
		if row.site == "" {
			row.site = siteID
		}
		own := sites[row.site]
		if own == nil {
			var fault *problem
			if own, fault = c.siteFor(who, row.site); fault != nil {
				return 0, fault
			}
			sites[row.site] = own
		}
		one := row.parse(&faults)
		one.Site = own
		list = append(list, one)
	}
	err := faults.err()
	if err == nil {
		err = c.opt.Mail.Consents(r.Context(), who.actor(), list)
	}
	if err != nil {
		fault := c.uploadProblem(r, err)
		return 0, &fault
	}
	count := map[string]int{}
	for _, one := range list {
		count[one.Site.ID]++
	}
	for id, n := range count {
		c.audit(r, who.actor(), "mail_consents_stored", id, fmt.Sprintf("%d rows", n))
	}
	return len(list), nil
}

// consentFaults gathers what is wrong. No fault repeats a value: it may be
// somebody's address.
type consentFaults struct{ report.FileError }

func (f *consentFaults) add(line int, column, what, fix string) {
	if len(f.Faults) == listedFaults {
		f.More = true
		return
	}
	f.Faults = append(f.Faults, report.Fault{Line: line, Column: column, Problem: what, Fix: fix})
}

func (f *consentFaults) err() error {
	if len(f.Faults) == 0 {
		return nil
	}
	return &f.FileError
}

func (row *consentRow) parse(faults *consentFaults) MailConsent {
	one := MailConsent{Line: row.line, Recipient: strings.TrimSpace(row.recipient), Proof: strings.TrimSpace(row.proof)}
	for _, f := range []struct {
		name, text string
		to         *Said
	}{{"mail_open", row.open, &one.Open}, {"mail_click", row.click, &one.Click}, {"mail", row.mail, &one.Mail}} {
		said, ok := saidWords[strings.ToLower(strings.TrimSpace(f.text))]
		if !ok {
			faults.add(row.line, f.name, "is neither yes nor no", "write true or false, or leave it empty where nothing was said")
		}
		*f.to = said
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(row.at))
	if err != nil {
		faults.add(row.line, "time", "is not a time", "write when it was said, as 2026-11-24T08:00:00Z")
	}
	one.Time = at.UTC().Truncate(time.Second)
	switch {
	case one.Open == SaidNothing && one.Click == SaidNothing && one.Mail == SaidNothing:
		faults.add(row.line, "mail_open", "nothing is said", "write mail_open, mail_click or mail")
	case one.Mail == SaidYes && one.Proof == "":
		faults.add(row.line, "proof", "is missing: without it no unsubscription is taken back", "write what shows the consent, or leave mail out")
	}
	if len(one.Proof) > maxProof {
		faults.add(row.line, "proof", fmt.Sprintf("has %d bytes", len(one.Proof)), fmt.Sprintf("write at most %d", maxProof))
	}
	return one
}

var saidWords = map[string]Said{
	"": SaidNothing, "true": SaidYes, "yes": SaidYes, "1": SaidYes, "granted": SaidYes,
	"false": SaidNo, "no": SaidNo, "0": SaidNo, "denied": SaidNo,
}

func wrongFile(line int, column, what, fix string) error {
	return &report.FileError{Faults: []report.Fault{{Line: line, Column: column, Problem: what, Fix: fix}}}
}

func readConsentJSON(body io.Reader) ([]consentRow, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	var list []struct {
		Site      string `json:"site"`
		Recipient string `json:"recipient"`
		Open      *bool  `json:"mail_open"`
		Click     *bool  `json:"mail_click"`
		Mail      *bool  `json:"mail"`
		Time      string `json:"time"`
		Proof     string `json:"proof"`
	}
	if err := strictJSON(text, &list); err != nil {
		return nil, wrongFile(1, "", err.Error(), `send [{"site":"shop","recipient":"anna@example.org","mail_open":true,"time":"2026-11-24T08:00:00Z"}]`)
	}
	word := func(b *bool) string {
		if b == nil {
			return ""
		}
		text, _ := json.Marshal(*b) // a boolean never fails
		return string(text)
	}
	rows := make([]consentRow, len(list))
	for i, one := range list {
		rows[i] = consentRow{i + 1, one.Site, one.Recipient, word(one.Open), word(one.Click), word(one.Mail), one.Time, one.Proof}
	}
	return checkCount(rows)
}

func checkCount(rows []consentRow) ([]consentRow, error) {
	if len(rows) == 0 || len(rows) > maxConsents {
		return nil, wrongFile(1, "", fmt.Sprintf("has %d rows", len(rows)), fmt.Sprintf("send 1 to %d", maxConsents))
	}
	return rows, nil
}

// consentColumns are the headings of the file.
var consentColumns = []string{"site", "recipient", "mail_open", "mail_click", "mail", "time", "proof"}

func readConsentCSV(body io.Reader) ([]consentRow, error) {
	in := csv.NewReader(body)
	in.FieldsPerRecord = -1
	head, err := in.Read()
	if err != nil {
		return nil, csvFault(err, "there is no header")
	}
	head[0] = strings.TrimPrefix(head[0], byteOrderMark)
	place := make([]int, len(consentColumns))
	for i, name := range consentColumns {
		place[i] = slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
	}
	if place[1] < 0 || place[5] < 0 {
		return nil, wrongFile(1, "", "the header lacks recipient or time", "begin with "+strings.Join(consentColumns, ","))
	}
	for _, h := range head {
		if !slices.Contains(consentColumns, strings.ToLower(strings.TrimSpace(h))) {
			return nil, wrongFile(1, "", "the header has a column that is not known here", "name the columns "+strings.Join(consentColumns, ","))
		}
	}
	var rows []consentRow
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return checkCount(rows)
		}
		if err != nil {
			return nil, csvFault(err, "the line cannot be read")
		}
		line, _ := in.FieldPos(0)
		cell := func(i int) string {
			if place[i] < 0 || place[i] >= len(cells) {
				return ""
			}
			return cells[place[i]]
		}
		if rows = append(rows, consentRow{line, cell(0), cell(1), cell(2), cell(3), cell(4), cell(5), cell(6)}); len(rows) > maxConsents {
			return checkCount(rows)
		}
	}
}

// csvFault says where a file stops to be CSV, without what it holds.
func csvFault(err error, what string) error {
	var wrong *csv.ParseError
	switch {
	case errors.As(err, &wrong):
		return wrongFile(wrong.StartLine, "", what+": "+wrong.Err.Error(), "write CSV as RFC 4180 has it, in UTF-8")
	case errors.Is(err, io.EOF):
		return wrongFile(1, "", what, "begin with "+strings.Join(consentColumns, ","))
	}
	return fmt.Errorf("read the file: %w", err)
}
