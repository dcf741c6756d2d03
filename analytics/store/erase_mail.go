package store

import (
	"context"
	"fmt"
	"time"
)

// untoldFor is how long after somebody left the sender's name for them outlives
// their erasure, unless the webhook took it before: senders without one ask for the
// list, some of them once in a while. Within a month the name is gone as well (GDPR
// Art. 12(3)).
const untoldFor = 30 * 24 * time.Hour

var (
	// owed holds for an unsubscription that the sender may not have heard of: mail
	// would go on if the name went first.
	owed = fmt.Sprintf("(mailing = 2 AND time >= today() - %[1]d AND "+mailKey+" NOT IN (SELECT key FROM mail_told WHERE told >= today() - %[1]d - 1))", untoldFor/(24*time.Hour))
	// erasedNames are names of erased people that nobody is owed any more: every
	// other unsubscription with a name has somebody who says so.
	erasedNames = "said_by = '' AND sealed != '' AND NOT " + owed
	// bareStatement is what an erasure leaves of a no.
	bareStatement = "proof = '' AND said_by = '' AND NOT (" + erasedNames + ")"
)

const (
	ofRecipients = "(site, recipient) IN (SELECT site, recipient FROM erasing_recipients)"
	// erasedOfRecipients holds for rows of recipients who are being erased: those from
	// before a new yes, or before the round. A node that had not heard of the request may
	// have kept hits since it. transform looks it up in a constant: what multiplies
	// rows by people, as arrayExists does, takes memory for all of them.
	erasedOfRecipients = ofRecipients + " AND toUnixTimestamp(time) < transform(cityHash64(site, recipient), " + newYeses + ".1, " + newYeses + ".2, toUInt32(4294967295))"
	newYeses           = "(SELECT arraySort(groupArray((cityHash64(site, recipient), toUnixTimestamp(since)))) FROM erasing_returned)"

	denies = "mail_open = 2 OR mail_click = 2 OR mailing = 2"
	grants = "mail_open = 1 OR mail_click = 1 OR mailing = 1"
)

// eraseRecipients takes a mail recipient's rows out of every table. A no of theirs
// stays, without its proof: a node that has not heard of it would go on with an
// older yes.
func (s *Store) eraseRecipients(ctx context.Context) error {
	for _, sql := range []string{
		"DELETE FROM " + s.form.change("events") + " WHERE kind IN ('mail_open', 'mail_click') AND " + erasedOfRecipients,
		"DELETE FROM " + s.form.change("mail_consents") + " WHERE " + erasedOfRecipients + " AND NOT (" + denies + ")",
		"ALTER TABLE " + s.form.change("mail_consents") + " UPDATE proof = '', said_by = '' WHERE " + erasedOfRecipients + " AND (proof != '' OR said_by != '')",
	} {
		if err := s.change(ctx, "erase", sql); err != nil {
			return err
		}
	}
	return s.eraseNames(ctx)
}

// returned is a recipient who said a new yes after they asked to be erased, or may
// still say one: since is then when the round began.
type returned struct {
	person
	since time.Time
}

var returnedTable = table[returned]{"erasing_returned", []column[returned]{
	term("site", func(r *returned) string { return r.site }),
	word("recipient", func(r *returned) uint64 { return r.visitor }),
	second("since", func(r *returned) time.Time { return r.since }),
}}

func (s *Store) fillReturned(ctx context.Context, all []*erasure) error {
	if err := s.catchUp(ctx, "mail_consents"); err != nil {
		return err
	}
	back, err := s.returned(ctx, all)
	if err != nil {
		return err
	}
	if err := insertOwn(ctx, s, returnedTable, back); err != nil {
		return err
	}
	return s.catchUp(ctx, "erasing_returned")
}

// returned finds them among the recipients who are being erased.
func (s *Store) returned(ctx context.Context, all []*erasure) (back []*returned, err error) {
	now, err := s.clock(ctx) // before what is there is read
	if err != nil {
		return nil, err
	}
	asked := map[person]time.Time{}
	for _, e := range all {
		if p := (person{e.Site, e.recipient}); e.Requested.After(asked[p]) {
			asked[p] = e.Requested
		}
	}
	rows, err := s.query(ctx, "look for a new yes", "SELECT site, recipient, time FROM mail_consents WHERE "+ofRecipients+" AND ("+grants+") ORDER BY time", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[person]bool{}
	for rows.Next() {
		r := new(returned)
		if err := rows.Scan(&r.site, &r.visitor, &r.since); err != nil {
			return nil, err
		}
		if !found[r.person] && r.since.After(asked[r.person].Add(sameMoment)) {
			found[r.person], back = true, append(back, r)
		}
	}
	for p := range asked {
		if !found[p] && p.visitor != 0 {
			back = append(back, &returned{p, now.Add(sameMoment)})
		}
	}
	return back, rows.Err()
}

// eraseNames takes the sender's names for people who were erased from their
// unsubscriptions, once the sender was told or untoldFor is over.
func (s *Store) eraseNames(ctx context.Context) error {
	if err := s.catchUp(ctx, "mail_consents", "mail_told"); err != nil {
		return err
	}
	var n uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM mail_consents WHERE "+erasedNames).Scan(&n); err != nil || n == 0 {
		return wrap("look for names of erased people", err)
	}
	return s.change(ctx, "erase names", "ALTER TABLE "+s.form.change("mail_consents")+" UPDATE sealed = '' WHERE "+erasedNames)
}

// eraseNamesEvery is how often erasures that are done are looked at for names that
// their sender has been told of since.
const eraseNamesEvery = time.Hour

func (s *Store) eraseNamesSometimes(ctx context.Context) error {
	if s.now().Sub(s.unnamed).Abs() < eraseNamesEvery {
		return nil
	}
	err := s.mutationsDone(ctx, map[string]string{"mail_consents": ""})
	if err == nil {
		err = s.eraseNames(ctx)
	}
	if err == nil {
		s.unnamed = s.now()
	}
	return err
}
