package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// Kept looks up what the store has. Both answer from the site's own rows
// alone.
type Kept interface {
	// About returns everything kept about a visitor, a table for each sort of
	// row, in the words of the columns.
	About(ctx context.Context, site string, visitor uint64) ([]banner.KeptTable, error)
	// AboutRecipient does it for a mail recipient.
	AboutRecipient(ctx context.Context, site string, recipient uint64) ([]banner.KeptTable, error)
	// Decision returns the ledger's entry with this id and the text that it
	// was made by; a zero entry where there is none (yet), an empty text where
	// it is not archived.
	Decision(ctx context.Context, site string, record [16]byte) (entry event.Consent, wording string, err error)
}

// keptTimeout is how long a visitor waits for the store.
const keptTimeout = 4 * time.Second

// errAway says that the store does not answer.
var errAway = errors.New("the store is away")

// kept asks the store about a visitor.
func (s *Server) kept(st *site.Site, visitor uint64) ([]banner.KeptTable, error) {
	return s.askKept(func(ctx context.Context, k Kept) ([]banner.KeptTable, error) { return k.About(ctx, st.ID, visitor) })
}

func (s *Server) askKept(ask func(context.Context, Kept) ([]banner.KeptTable, error)) ([]banner.KeptTable, error) {
	if s.opts.Kept == nil {
		return nil, errAway
	}
	ctx, cancel := context.WithTimeout(context.Background(), keptTimeout)
	defer cancel()
	return ask(ctx, s.opts.Kept)
}

// keptBody is what is kept about a visitor or a recipient, as a file to take away.
type keptBody struct {
	Site       string             `json:"site"`
	Subject    string             `json:"subject"`
	At         time.Time          `json:"at"`
	Controller site.Controller    `json:"controller"`
	Cookies    []banner.KeptTable `json:"cookies,omitempty"` // what this browser holds
	Kept       []banner.KeptTable `json:"kept"`              // what we hold
}

// newKeptBody makes it; subject is the person's keyed hash, zero for nobody.
func (s *Server) newKeptBody(st *site.Site, subject [16]byte, kept []banner.KeptTable) keptBody {
	b := keptBody{Site: st.ID, At: s.opts.Now().UTC().Truncate(time.Second), Controller: st.Controller, Kept: []banner.KeptTable{}}
	if subject != nobody {
		b.Subject = identity.FormatID(subject)
	}
	for _, t := range kept {
		if len(t.Rows) > 0 {
			b.Kept = append(b.Kept, t)
		}
	}
	return b
}

// cookieTables say what the visitor's own cookies hold.
func (s *Server) cookieTables(v *visit) []banner.KeptTable {
	var tables []banner.KeptTable
	add := func(c identity.Cookie, columns []string, rows ...[]string) {
		if len(rows) > 0 {
			tables = append(tables, banner.KeptTable{Name: c.Name(v.site.ID), Columns: columns, Rows: rows})
		}
	}
	if v.situation.Record.Site != "" {
		add(identity.ConsentJar, []string{"name", "value"}, recordRows(&v.situation.Record)...)
	}
	if id := s.visitor(v); id != 0 {
		add(identity.VisitorJar, []string{"visitor"}, []string{strconv.FormatUint(id, 10)})
	}
	if payload, err := v.jar.Open(s.opts.Ring, identity.SessionJar); err == nil {
		if ses, err := identity.ParseSession(payload, v.site.ID); err == nil {
			add(identity.SessionJar, []string{"session", "last_hit"}, []string{strconv.FormatUint(ses.ID, 10), ses.Last.Format(time.RFC3339)})
		}
	}
	if payload, err := v.jar.Open(s.opts.Ring, identity.SourceJar); err == nil {
		if from, err := identity.ParseSources(payload, v.site.ID); err == nil {
			add(identity.SourceJar, []string{"touch", "source", "medium", "campaign", "content", "term", "channel", "referrer_host"},
				sourceRow("first", &from.First), sourceRow("last", &from.Last))
		}
	}
	var items [][]string
	for _, i := range s.items(v) {
		items = append(items, []string{i.Key, i.Value})
	}
	add(identity.StoreJar, []string{"key", "value"}, items...)
	return tables
}

// recordRows say in words what kj_consent holds.
func recordRows(r *consent.Record) [][]string {
	var rows [][]string
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	purposes, services := r.Ledger()
	for _, p := range purposes {
		add(p.Purpose+" v"+strconv.Itoa(p.Version), decided(p.Granted))
	}
	for _, s := range services {
		add(s.Service, decided(s.Granted))
	}
	add("policy", strconv.Itoa(r.Policy))
	if r.Signal {
		add("signal", "gpc")
	}
	add("age", r.Age.String())
	if r.Guardian {
		add("guardian", "yes")
	}
	add("day", day(r.Day))
	if r.Grants() {
		add("record", identity.FormatID(r.ID))
	}
	return rows
}

// day writes days since 1970-01-01 as a date.
func day(n int32) string { return time.Unix(int64(n)*86400, 0).UTC().Format(time.DateOnly) }

func sourceRow(which string, c *event.Campaign) []string {
	return []string{which, c.Source, c.Medium, c.Name, c.Content, c.Term, c.Channel, c.ReferrerHost}
}

// asFile makes the answer a download.
func asFile(ctx *fasthttp.RequestCtx, name string) {
	ctx.Response.Header.Set(fasthttp.HeaderContentDisposition, `attachment; filename="`+name+`"`)
}

// tombstone makes the record of an erasure that a visitor asked for.
func (s *Server) tombstone(st string, visitor uint64, now time.Time) *event.Erasure {
	return &event.Erasure{
		Site: st, Hash: s.opts.Ring.SubjectHash(st, visitor), Subject: s.opts.Ring.SealSubject(st, visitor),
		Requested: now.UTC().Truncate(time.Millisecond), By: event.ByVisitor,
	}
}
