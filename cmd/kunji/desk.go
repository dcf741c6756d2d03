package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// desk is where the console's operators serve people. A mail address lives in it
// for as long as a call does.
type desk struct{ *service }

// exportLifetime is how long the address of an export works.
const exportLifetime = 10 * time.Minute

// asked reads a question of the API.
func (d desk) asked(st *site.Site, a console.RightAsked) (q asked, err error) {
	q = asked{somebody: somebody{Site: st.ID}, of: st}
	wrong := func(parameter string, err error) error {
		return &report.Error{Parameter: parameter, Problem: "cannot be used", Fix: err.Error()}
	}
	if q.reason, err = checkReason(a.Reason); err != nil {
		return q, wrong("reason", err)
	}
	if a.Recipient != "" {
		if q.Recipient, err = parseRecipient(d.ring, st.ID, a.Recipient); err != nil {
			return q, wrong("recipient", err)
		}
		return q, nil
	}
	if q.Visitor, err = parseVisitor(d.ring, st.ID, a.Visitor); err != nil {
		return q, wrong("visitor", err)
	}
	return q, nil
}

// Erase begins an erasure.
func (d desk) Erase(ctx context.Context, st *site.Site, a console.RightAsked, who string) (console.Erasure, error) {
	q, err := d.asked(st, a)
	if err != nil {
		return console.Erasure{}, err
	}
	done, err := d.erasePerson(ctx, erasureOrder{somebody: q.somebody, Reason: q.reason, Actor: who})
	return console.Erasure{
		Site: st.ID, Subject: done.Subject, State: store.ErasureStates()[0], RequestedBy: string(event.ByOperator), Note: done.Note,
	}, err
}

// Erasure finds the newest erasure of a subject.
func (d desk) Erasure(ctx context.Context, st *site.Site, subject string) (e console.Erasure, known bool, err error) {
	hash, err := identity.ParseID([]byte(subject))
	if err != nil {
		return e, false, &report.Error{Parameter: "subject", Problem: "is none", Fix: "take subject of the answer to POST /api/v1/erasures"}
	}
	r, state, err := d.store.Erasure(ctx, st.ID, hash)
	if err != nil || state == "" {
		return e, false, err
	}
	return console.Erasure{
		Site: st.ID, Subject: subject, State: state, Requested: r.Requested, RequestedBy: r.By, Finished: r.Finished,
		Events: r.Events, Touches: r.Touches, Consents: r.Consents, Receipt: base64.StdEncoding.EncodeToString(r.Signature),
	}, true, nil
}

// exportOrder is what the address of an export says, sealed.
type exportOrder struct {
	somebody
	Reason string `json:"reason"`
	Actor  string `json:"actor"`
	Until  int64  `json:"until"` // seconds
}

// AllowExport makes the token of an export.
func (d desk) AllowExport(st *site.Site, a console.RightAsked, who string) (token string, until time.Time, err error) {
	q, err := d.asked(st, a)
	if err != nil {
		return "", until, err
	}
	until = time.Now().Add(exportLifetime).Truncate(time.Second)
	plain, err := json.Marshal(exportOrder{q.somebody, q.reason, who, until.Unix()})
	if err != nil {
		return "", until, fmt.Errorf("make the address of an export: %w", err)
	}
	return d.ring.Seal(identity.Export, plain), until, nil
}

// Export makes the export that a token is about.
func (d desk) Export(ctx context.Context, own []*site.Site, token, who string) (any, error) {
	var o exportOrder
	plain, err := d.ring.Unseal(identity.Export, token)
	if err != nil || json.Unmarshal(plain, &o) != nil || o.Actor != who || time.Now().Unix() >= o.Until {
		return nil, console.ErrExport
	}
	i := slices.IndexFunc(own, func(st *site.Site) bool { return st.ID == o.Site })
	if i < 0 {
		return nil, console.ErrExport
	}
	return exportPerson(ctx, d.store, d.ring, asked{o.somebody, own[i], o.Reason}, who, time.Now())
}
