// Command client uses every operation of the console with the client that is
// generated from its description, as somebody's program would: with a token of
// each role, and signed in as a person. TestGeneratedClient generates the rest
// of this package, starts it, and compares what is asked and answered with the
// description.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/oapi-codegen/runtime/types"
)

var ctx = context.Background()

const site = "shop"

func main() {
	log.SetFlags(0)
	at := os.Getenv("KUNJI_CONSOLE")
	as := func(role string) *ClientWithResponses {
		return newClient(at, WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer secret-"+role)
			return nil
		}))
	}
	reads(as("marketer"))
	writes(as("marketer"))
	notes(as("marketer"))
	mails(as("mailer"))
	people(as("operator"))
	lines, err := as("admin").GetAuditWithResponse(ctx, &GetAuditParams{})
	ok("the audit log", lines, err, 200)
	pages(newClient(at), os.Getenv("KUNJI_PASSWORD"))
}

// newClient follows no redirect, since each is an answer of its own, and keeps
// cookies.
func newClient(at string, more ...ClientOption) *ClientWithResponses {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	stay := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c, err := NewClientWithResponses(at, append(more, WithHTTPClient(stay))...)
	if err != nil {
		log.Fatal(err)
	}
	return c
}

type answer interface {
	StatusCode() int
	GetBody() []byte
}

// ok ends the program where an answer is none or has another status.
func ok(what string, a answer, err error, status int) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
	if a.StatusCode() != status {
		log.Fatalf("%s: %d, want %d: %s", what, a.StatusCode(), status, a.GetBody())
	}
}

// there ends the program where an answer was not decoded.
func there[T any](what string, v *T) T {
	if v == nil {
		log.Fatalf("%s: the client decoded nothing", what)
	}
	return *v
}

func reads(c *ClientWithResponses) {
	list, err := c.ListReportsWithResponse(ctx)
	ok("the reports", list, err, 200)
	for _, name := range there("the reports", list.JSON200).Reports {
		r, err := c.GetReportWithResponse(ctx, GetReportParamsName(name), &GetReportParams{Site: site})
		ok(name, r, err, 200)
		if t := there(name, r.JSON200); len(t.Columns) == 0 || t.Meta.Report != name {
			log.Fatalf("%s: %d columns of %s", name, len(t.Columns), t.Meta.Report)
		}
	}
	tag, err := c.GetInstallationWithResponse(ctx, &GetInstallationParams{Site: site})
	ok("the tag", tag, err, 200)
	marks, err := c.ListMarksWithResponse(ctx, &ListMarksParams{Site: site})
	ok("the marks", marks, err, 200)
	described, err := c.GetDescriptionWithResponse(ctx)
	ok("the description", described, err, 200)
	health, err := c.GetHealthWithResponse(ctx)
	ok("health", health, err, 200)
}

func writes(c *ClientWithResponses) {
	csv := "day,source,amount\n2026-11-01,news,5\n"
	costs, err := c.PutCostsWithBodyWithResponse(ctx, &PutCostsParams{Site: site}, "text/csv", strings.NewReader(csv))
	ok("costs", costs, err, 200)
	rate := Rate{Day: date(2026, 11, 1), Currency: "USD"}
	if err := rate.Rate.FromRateRate0(7.1); err != nil {
		log.Fatal(err)
	}
	rates, err := c.PutRatesWithResponse(ctx, &PutRatesParams{Site: site}, PutRatesJSONRequestBody{rate})
	ok("rates", rates, err, 200)
	link, err := c.MakeLinkWithResponse(ctx, &MakeLinkParams{}, MakeLinkJSONRequestBody{Site: site, Url: of("https://shop.example/"), Source: "a", Medium: "cpc", Campaign: "b"})
	ok("a link", link, err, 200)
	if made := there("a link", link.JSON200); !strings.Contains(made.Url, "/c/") {
		log.Fatalf("a link: %+v", made)
	}
	event := ServerEvent{Site: site, Kind: "conversion", Id: of("order-17"), Value: of(129.9), Currency: of("CNY"), Order: of("17")}
	sent, err := c.SendEventsWithResponse(ctx, &SendEventsParams{}, SendEventsJSONRequestBody{Events: []ServerEvent{event}})
	ok("events", sent, err, 202)
	if n := there("events", sent.JSON202).Refused["no_consent"]; n != 1 {
		log.Fatalf("events: %+v", sent.JSON202)
	}
}

func notes(c *ClientWithResponses) {
	made, err := c.AddNoteWithResponse(ctx, AddNoteParamsKindSegments, &AddNoteParams{Site: site}, AddNoteJSONRequestBody{Name: "China", Filters: &[]string{"country:CN"}})
	ok("a segment", made, err, 201)
	id := there("a segment", made.JSON201).Id
	changed, err := c.ChangeNoteWithResponse(ctx, ChangeNoteParamsKindSegments, id, &ChangeNoteParams{Site: site}, ChangeNoteJSONRequestBody{Name: "Not China", Filters: &[]string{"-country:CN"}})
	ok("a changed segment", changed, err, 200)
	list, err := c.ListNotesWithResponse(ctx, ListNotesParamsKindSegments, &ListNotesParams{Site: site})
	ok("the segments", list, err, 200)
	if all := there("the segments", list.JSON200)["segments"]; len(all) != 1 || all[0].Name != "Not China" {
		log.Fatalf("the segments: %+v", all)
	}
	gone, err := c.DeleteNoteWithResponse(ctx, DeleteNoteParamsKindSegments, id, &DeleteNoteParams{Site: site})
	ok("a segment taken back", gone, err, 204)
}

func mails(c *ClientWithResponses) {
	said, err := c.PutMailConsentsWithResponse(ctx, &PutMailConsentsParams{}, PutMailConsentsJSONRequestBody{
		{Site: of(site), Recipient: "anna@example.org", MailOpen: of(true), MailClick: of(true), Time: time.Now().Add(-time.Minute), Proof: of("form 1")},
	})
	ok("consents", said, err, 200)
	var wanted InstrumentMailJSONRequestBody
	letter := `<html><body><a href="https://shop.example/tea">Tea</a></body></html>`
	if err := wanted.FromMailWanted(MailWanted{Site: site, Campaign: "spring", Recipient: "anna@example.org", Html: &letter}); err != nil {
		log.Fatal(err)
	}
	mail, err := c.InstrumentMailWithResponse(ctx, &InstrumentMailParams{}, wanted)
	ok("a mail", mail, err, 200)
	left, err := c.ListUnsubscribesWithResponse(ctx, &ListUnsubscribesParams{Site: site})
	ok("who left", left, err, 200)
}

func people(c *ClientWithResponses) {
	export, err := c.AskExportWithResponse(ctx, &AskExportParams{}, AskExportJSONRequestBody{Site: site, Recipient: of("anna@example.org"), Reason: "ticket 1"})
	ok("an export", export, err, 201)
	path := there("an export", export.JSON201).Path
	kept, err := c.GetExportWithResponse(ctx, path[strings.LastIndexByte(path, '/')+1:])
	ok("what is kept", kept, err, 200)
	begun, err := c.ErasePersonWithResponse(ctx, &ErasePersonParams{}, ErasePersonJSONRequestBody{Site: site, Recipient: of("anna@example.org"), Reason: "ticket 2"})
	ok("an erasure", begun, err, 202)
	subject := there("an erasure", begun.JSON202).Subject
	for {
		state, err := c.GetErasureWithResponse(ctx, subject, &GetErasureParams{Site: site})
		if err == nil && state.StatusCode() == 404 { // until the store has it
			time.Sleep(100 * time.Millisecond)
			continue
		}
		ok("how far it is", state, err, 200)
		return
	}
}

var (
	formToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	styleFile = regexp.MustCompile(`href="/assets/([^"]+\.css)"`)
	shareLink = regexp.MustCompile(`/shared/([^<"]+)`)
)

// found is what a page has of a pattern.
func found(page []byte, pattern *regexp.Regexp) string {
	m := pattern.FindSubmatch(page)
	if m == nil {
		log.Fatalf("the page lacks %s: %s", pattern, page)
	}
	return string(m[1])
}

// pages goes through the console as a person does.
func pages(c *ClientWithResponses, password string) {
	form, err := c.SignInFormWithResponse(ctx, &SignInFormParams{})
	ok("the sign-in form", form, err, 200)
	style, err := c.GetAssetWithResponse(ctx, found(form.Body, styleFile))
	ok("the style", style, err, 200)
	in, err := c.SignInWithFormdataBodyWithResponse(ctx, SignInFormdataRequestBody{Csrf: found(form.Body, formToken), Name: "demo", Password: password})
	ok("signing in", in, err, 303)
	home, err := c.HomeWithResponse(ctx)
	ok("home", home, err, 303)
	report, err := c.ReportPageWithResponse(ctx, ReportPageParamsNameCampaigns, &ReportPageParams{})
	ok("a report", report, err, 200)
	csrf := found(report.Body, formToken)
	for what, ask := range map[string]func() (answer, error){
		"the tag":   func() (answer, error) { return c.InstallationPageWithResponse(ctx, &InstallationPageParams{}) },
		"uploads":   func() (answer, error) { return c.UploadPageWithResponse(ctx, &UploadPageParams{}) },
		"links":     func() (answer, error) { return c.LinkPageWithResponse(ctx, &LinkPageParams{}) },
		"mail":      func() (answer, error) { return c.MailPageWithResponse(ctx, &MailPageParams{}) },
		"the audit": func() (answer, error) { return c.AuditPageWithResponse(ctx, &AuditPageParams{}) },
		"a link": func() (answer, error) {
			return c.ReceiveLinkWithFormdataBodyWithResponse(ctx, ReceiveLinkFormdataRequestBody{Csrf: csrf, Site: site, Url: of("https://shop.example/"), Source: "a", Medium: "cpc", Campaign: "b"})
		},
		"a template": func() (answer, error) {
			return c.TryMailWithFormdataBodyWithResponse(ctx, TryMailFormdataRequestBody{Csrf: csrf, Site: site, Campaign: "spring", Html: "<p>Tea"})
		},
		"a file of costs": func() (answer, error) {
			media, body := formWith(csrf, "day,source,amount\n2026-11-02,news,5\n")
			return c.ReceiveUploadWithBodyWithResponse(ctx, media, body)
		},
		"a file of consents": func() (answer, error) {
			media, body := formWith(csrf, "recipient,mail_open,time\nbob@example.org,true,2026-11-02T08:00:00Z\n")
			return c.ReceiveConsentsWithBodyWithResponse(ctx, media, body)
		},
	} {
		a, err := ask()
		ok(what, a, err, 200)
	}
	shared, err := c.ReceiveNoteWithFormdataBodyWithResponse(ctx, ReceiveNoteParamsKindShares, ReceiveNoteFormdataRequestBody{
		Csrf: csrf, Site: site, Name: of("For the board"), Report: of("campaigns"), Question: of(""), Days: of(7),
	})
	ok("sharing", shared, err, 303)
	list, err := c.NotesPageWithResponse(ctx, NotesPageParamsKindShares, &NotesPageParams{})
	ok("what is shared", list, err, 200)
	report2, err := c.SharedPageWithResponse(ctx, found(list.Body, shareLink), &SharedPageParams{})
	ok("the shared report", report2, err, 200)
	out, err := c.SignOutWithFormdataBodyWithResponse(ctx, SignOutFormdataRequestBody{Csrf: csrf})
	ok("signing out", out, err, 303)
	fmt.Println("every operation was asked")
}

// formWith is a form with a file.
func formWith(csrf, file string) (media string, body *bytes.Buffer) {
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for name, value := range map[string]string{"csrf": csrf, "site": site} {
		_ = w.WriteField(name, value) // into memory
	}
	part, err := w.CreateFormFile("file", "rows.csv")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		log.Fatal(err)
	}
	return w.FormDataContentType(), body
}

func date(y int, m time.Month, d int) types.Date {
	return types.Date{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

// of makes a pointer: what may be left out is one.
func of[T any](v T) *T { return &v }
