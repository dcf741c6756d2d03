package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/kunjicloud/kunji/edge/event"
)

// Touch is the start of a visitor's session.
type Touch struct {
	Time          time.Time
	Session       uint64
	Source, First event.Campaign
}

// LatestDecisions returns the newest decision of each visitor of a site that
// grants something; one who was erased, or never granted anything, is missing.
func (s *Store) LatestDecisions(ctx context.Context, site string, visitors []uint64) (map[uint64]event.Consent, error) {
	rows, err := s.query(ctx, "read newest decisions", "SELECT "+entryColumns+" FROM consents WHERE site = {site:String} AND subject != 0 AND subject IN {visitors:Array(UInt64)} "+
		"AND notEmpty(id) ORDER BY subject, time DESC, chain_seq DESC LIMIT 1 BY subject",
		map[string]any{"site": site, "visitors": visitors})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[uint64]event.Consent, len(visitors))
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		found[e.Subject] = *e.Consent
	}
	return found, rows.Err()
}

// maxTouches bounds what is read of one visitor.
const maxTouches = 1000

// Touches returns the newest touches of each visitor of a site, oldest first.
func (s *Store) Touches(ctx context.Context, site string, visitors []uint64) (map[uint64][]Touch, error) {
	rows, err := s.query(ctx, "read touches", "SELECT visitor, time, session, source, medium, campaign, campaign_id, content, term, click_id_kind, channel, referrer_host, "+
		"first_source, first_medium, first_campaign, first_campaign_id, first_content, first_term, first_click_id_kind, first_channel, first_referrer_host "+
		"FROM touches WHERE site = {site:String} AND visitor IN {visitors:Array(UInt64)} ORDER BY visitor, time DESC LIMIT "+strconv.Itoa(maxTouches)+" BY visitor",
		map[string]any{"site": site, "visitors": visitors})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[uint64][]Touch{}
	for rows.Next() {
		var visitor uint64
		var t Touch
		a, b := &t.Source, &t.First
		if err := rows.Scan(&visitor, &t.Time, &t.Session,
			&a.Source, &a.Medium, &a.Name, &a.ID, &a.Content, &a.Term, &a.ClickIDKind, &a.Channel, &a.ReferrerHost,
			&b.Source, &b.Medium, &b.Name, &b.ID, &b.Content, &b.Term, &b.ClickIDKind, &b.Channel, &b.ReferrerHost); err != nil {
			return nil, err
		}
		t.Time = t.Time.UTC()
		found[visitor] = append(found[visitor], t)
	}
	for _, list := range found {
		slices.Reverse(list)
	}
	return found, rows.Err()
}

// KnownEvents returns which of the ids events of a site have, from a day (UTC)
// on.
func (s *Store) KnownEvents(ctx context.Context, site string, ids [][16]byte, from time.Time) (map[[16]byte]bool, error) {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = uuid.UUID(id).String()
	}
	rows, err := s.query(ctx, "look for events", "SELECT DISTINCT event_id FROM events WHERE site = {site:String} AND toDate(time) >= toDate({from:String}) "+
		"AND event_id IN (SELECT toUUID(arrayJoin({ids:Array(String)})))",
		map[string]any{"site": site, "from": from.UTC().Format(time.DateOnly), "ids": texts})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[[16]byte]bool{}
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		known[id] = true
	}
	return known, rows.Err()
}
