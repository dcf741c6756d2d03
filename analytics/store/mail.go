package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// MailSent counts mails that were made ready for sending.
type MailSent struct {
	Site                              string
	Day                               int32 // days since 1970-01-01 in the site's zone
	Source, Medium, Campaign, Content string
	Pixel, Links                      bool // the mail has a pixel, signed links
	Mails                             uint64
}

// MailState is what counts for a mail recipient; the zero value where nothing was
// said, which is a no to both.
type MailState struct {
	Open, Click     event.Choice // mail_open, mail_click
	All             event.Choice // Denied: unsubscribed, whatever the others say
	OpenAt, ClickAt time.Time    // when Open and Click were said last; zero where never
	Newest          time.Time    // of the statements that count; zero without any
}

// Unsubscribed says whether the recipient wants no mail.
func (m MailState) Unsubscribed() bool { return m.All == event.Denied }

// Unsubscribe is one recipient who left. Recipient and Time name it: it may come
// again, and whoever hands it on leaves out what they had before.
type Unsubscribe struct {
	Site      string
	Recipient uint64
	Time      time.Time // when they left
	Sealed    string    // the sender's ref and list, for identity.Ring.OpenRef
	Taken     time.Time // when ClickHouse took it, ms
}

var statementTable = table[event.Statement]{"mail_consents", []column[event.Statement]{
	term("site", func(s *event.Statement) string { return s.Site }),
	word("recipient", func(s *event.Statement) uint64 { return s.Recipient }),
	second("time", func(s *event.Statement) time.Time { return s.Time }),
	small("mail_open", func(s *event.Statement) uint8 { return uint8(s.Open) }),
	small("mail_click", func(s *event.Statement) uint8 { return uint8(s.Click) }),
	small("mailing", func(s *event.Statement) uint8 { return uint8(s.Counted()) }),
	term("said_by", func(s *event.Statement) string { return s.By }),
	text("proof", func(s *event.Statement) string { return s.Proof }),
	text("sealed", func(s *event.Statement) string { return s.Sealed }),
}}

var mailSentTable = table[MailSent]{"mail_sent", []column[MailSent]{
	term("site", func(m *MailSent) string { return m.Site }),
	day("day", func(m *MailSent) int32 { return m.Day }),
	term("source", func(m *MailSent) string { return m.Source }),
	term("medium", func(m *MailSent) string { return m.Medium }),
	term("campaign", func(m *MailSent) string { return m.Campaign }),
	term("content", func(m *MailSent) string { return m.Content }),
	digit("pixel", func(m *MailSent) bool { return m.Pixel }),
	digit("links", func(m *MailSent) bool { return m.Links }),
	word("mails", func(m *MailSent) uint64 { return m.Mails }),
}}

// statementAhead is how far ahead of this clock a statement may be dated: further,
// and it would silence what the person says until then.
const statementAhead = 5 * time.Minute

// PutMailConsents stores what recipients said, all or none; a repetition changes
// nothing. It counts for MailConsent at once and on every edge within 5 seconds.
//
// For each choice the newest statement wins, whatever the order in which they
// come. All granted takes an unsubscription back if it is later and has a proof;
// without one it says nothing. A statement that Check refuses, or that is dated more than 5 minutes ahead,
// refuses all.
func (s *Store) PutMailConsents(ctx context.Context, statements []event.Statement) error {
	if err := refuse(&s.wound, statements, func(r *event.Statement) string { return r.Site }); err != nil {
		return err
	}
	now, rows := s.now(), make([]*event.Statement, len(statements))
	for i := range statements {
		rows[i] = &statements[i]
		err := Check(event.Record{Statement: rows[i]})
		if err == nil && rows[i].Time.Sub(now) > statementAhead {
			err = fmt.Errorf("its time %s is still to come: %w", rows[i].Time.UTC().Format(time.RFC3339), errUnfit)
		}
		if err != nil {
			return fmt.Errorf("store: mail consent %d: %w", i, err)
		}
	}
	return put(ctx, s, statementTable, rows)
}

// MailConsent returns what counts for recipients of a site, each that anything was
// said about; the others are missing. Ask for at most a few thousand at once.
//
// What was said on an edge takes a second or two until it is here. Where an edge
// runs in the same process its withdrawal.Set knows at once: ask both, and take a
// no of either.
func (s *Store) MailConsent(ctx context.Context, site string, recipients []uint64) (map[uint64]MailState, error) {
	if len(recipients) == 0 {
		return nil, nil
	}
	newest := func(column string) string {
		return "argMaxIf(" + column + ", (time, " + column + "), " + column + " != 0)"
	}
	said := func(column string) string { return "maxIf(time, " + column + " != 0)" }
	rows, err := s.query(ctx, "read mail consents", "SELECT recipient, "+newest("mail_open")+", "+newest("mail_click")+", "+newest("mailing")+
		", "+said("mail_open")+", "+said("mail_click")+", max(time) FROM mail_consents WHERE site = {site:String} AND recipient IN {recipients:Array(UInt64)} GROUP BY recipient",
		map[string]any{"site": site, "recipients": recipients})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	states := make(map[uint64]MailState, len(recipients))
	for rows.Next() {
		var recipient uint64
		var open, click, all uint8
		var openAt, clickAt time.Time
		var m MailState
		if err := rows.Scan(&recipient, &open, &click, &all, &openAt, &clickAt, &m.Newest); err != nil {
			return nil, err
		}
		if open != 0 {
			m.OpenAt = openAt.UTC()
		}
		if click != 0 {
			m.ClickAt = clickAt.UTC()
		}
		m.Open, m.Click, m.All, m.Newest = event.Choice(open), event.Choice(click), event.Choice(all), m.Newest.UTC()
		states[recipient] = m
	}
	return states, rows.Err()
}

// AddMailSent adds to the counts of mails. Each call is an insert: whoever makes
// many mails adds them up first. It is no harm to add one campaign twice in one
// call, but a call that is repeated counts twice.
func (s *Store) AddMailSent(ctx context.Context, counts []MailSent) error {
	if err := refuse(&s.wound, counts, func(r *MailSent) string { return r.Site }); err != nil {
		return err
	}
	rows := make([]*MailSent, len(counts))
	for i := range counts {
		rows[i] = &counts[i]
		if err := checkTimes("mails", time.Unix(0, 0), counts[i].Day); err != nil {
			return fmt.Errorf("store: mails sent, %d: %w", i, err)
		}
	}
	return put(ctx, s, mailSentTable, rows)
}

// maxUnsubscribes bounds one answer of Unsubscribes.
const maxUnsubscribes = 10_000

// Unsubscribes returns who left a site by a mail's link that has a name of the
// sender's, in the order in which ClickHouse took it, from since on: at most
// 10,000. To go on ask for the last one's Taken. An insert
// may become visible after a later one, so whoever must miss nobody asks for some
// minutes before it, and leaves out what they had. Who was erased is among them until
// MailTold, and for 30 days after they left at most.
func (s *Store) Unsubscribes(ctx context.Context, site string, since time.Time) (all []Unsubscribe, err error) {
	rows, err := s.query(ctx, "read unsubscribes", "SELECT recipient, time, sealed, taken FROM mail_consents WHERE site = {site:String} AND mailing = 2 AND sealed != '' "+
		"AND taken >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') ORDER BY taken, recipient, time LIMIT "+strconv.Itoa(maxUnsubscribes),
		map[string]any{"site": site, "since": max(0, since.UnixMilli())})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		u := Unsubscribe{Site: site}
		if err := rows.Scan(&u.Recipient, &u.Time, &u.Sealed, &u.Taken); err != nil {
			return nil, err
		}
		u.Time, u.Taken = u.Time.UTC(), u.Taken.UTC()
		all = append(all, u)
	}
	return all, rows.Err()
}
