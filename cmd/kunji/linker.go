package main

import (
	"context"
	"errors"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/link"
	"github.com/kunjicloud/kunji/edge/site"
)

// linker signs the console's links with the edge's ring.
type linker struct{ ring *identity.Ring }

// MakeLink makes an ad link or a pixel.
func (l linker) MakeLink(_ context.Context, s *site.Site, w console.LinkWanted) (console.LinkMade, error) {
	made, err := link.Make(l.ring, link.Wanted{
		Site: s, Impression: w.Kind == "impression", Destination: w.URL, Test: w.Test,
		Campaign: event.Campaign{Source: w.Source, Medium: w.Medium, Name: w.Campaign, Content: w.Content, Term: w.Term, ID: w.ID},
	})
	return console.LinkMade{URL: made.Address, Destination: made.Destination, OwnDomain: made.Own}, asAsked(err)
}

// asAsked turns what the edge says of a field into what the console says of it.
func asAsked(err error) error {
	var wrong *link.FieldError
	if errors.As(err, &wrong) {
		return &report.Error{Parameter: wrong.Field, Problem: wrong.Problem, Fix: wrong.Fix}
	}
	return err
}
