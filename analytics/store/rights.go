package store

import (
	"context"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/kunjicloud/kunji/edge/event"
)

// Kept is rows of one sort that are kept about a person.
type Kept struct {
	Name    string // of the table
	Columns []string
	Rows    [][]string // each as long as Columns
}

// keptRows bounds each table of what is kept about a person.
const keptRows = 1000

// keptTable is a table, the column that names the person, and the columns shown.
type keptTable struct{ table, who, columns string }

// The columns that say something about a person. Left out are ids that only
// join tables, and touches, sales and visitor_days, which repeat events. Zeros and empty texts mean
// "none" and become empty.
var keptColumns = []keptTable{
	{"events", "visitor", "formatDateTime(time, '%Y-%m-%d %H:%i:%S', 'UTC') AS time, kind, basis, if(notEmpty(consent_record), toString(consent_record), '') AS consent_record, " +
		"source, medium, campaign, campaign_id, content, term, click_id_kind, channel, referrer_host, " +
		"first_source, first_medium, first_campaign, first_campaign_id, first_content, first_term, first_click_id_kind, first_channel, first_referrer_host, " +
		"host, path, name, if(empty(props), '', toString(props)) AS props, if(value = 0, '', toString(value)) AS value, currency, order_id, country, region, isp, language, browser, os, device, " +
		"if(machine = 0, '', machine_reason) AS machine, toString(keep_until) AS keep_until"},
	{"consents", "subject", "formatDateTime(time, '%Y-%m-%d %H:%i:%S', 'UTC') AS time, if(notEmpty(id), toString(id), '') AS record, if(notEmpty(previous), toString(previous), '') AS previous, method, surface, " +
		"arrayStringConcat(arrayMap((n, v, g) -> concat(n, ' v', toString(v), if(g, ' granted', ' denied')), purposes.name, purposes.version, purposes.granted), ', ') AS purposes, " +
		"arrayStringConcat(arrayMap((n, g) -> concat(n, if(g, ' granted', ' denied')), services.name, services.granted), ', ') AS services, " +
		"notice_version, notice_language, toString(policy_version) AS policy_version, regime, country, region, if(signal, 'gpc', '') AS signal, age, if(guardian, 'yes', '') AS guardian, toString(keep_until) AS keep_until"},
}

// mailColumns are those of a mail recipient.
var mailColumns = []keptTable{
	{"events", "recipient", keptColumns[0].columns},
	{"mail_consents", "recipient", "formatDateTime(time, '%Y-%m-%d %H:%i:%S', 'UTC') AS time, " + choiceText("mail_open") + ", " + choiceText("mail_click") + ", " + choiceText("mailing") + ", said_by, proof"},
}

func choiceText(column string) string {
	return "transform(" + column + ", [1, 2], ['granted', 'denied'], '') AS " + column
}

// About returns what is kept about a visitor of a site: at most 1,000 rows a
// table, the newest ones, columns without any value left out.
func (s *Store) About(ctx context.Context, site string, visitor uint64) ([]Kept, error) {
	return s.about(ctx, site, visitor, keptColumns, keptRows)
}

// Everything is About without a bound: a copy to be handed out.
func (s *Store) Everything(ctx context.Context, site string, visitor uint64) ([]Kept, error) {
	return s.about(ctx, site, visitor, keptColumns, math.MaxInt32)
}

// AboutRecipient does it for a mail recipient. The sender's own names for them are
// the sender's, and not shown.
func (s *Store) AboutRecipient(ctx context.Context, site string, recipient uint64) ([]Kept, error) {
	return s.about(ctx, site, recipient, mailColumns, keptRows)
}

// EverythingOfRecipient is AboutRecipient without a bound.
func (s *Store) EverythingOfRecipient(ctx context.Context, site string, recipient uint64) ([]Kept, error) {
	return s.about(ctx, site, recipient, mailColumns, math.MaxInt32)
}

func (s *Store) about(ctx context.Context, site string, who uint64, tables []keptTable, limit int) ([]Kept, error) {
	var all []Kept
	if who == 0 {
		return nil, nil // rows without a visitor are about nobody
	}
	for _, t := range tables {
		rows, err := s.query(ctx, "read what is kept", "SELECT "+t.columns+" FROM "+t.table+
			" AS t WHERE t.site = {site:String} AND t."+t.who+" = {who:UInt64} ORDER BY t.time DESC LIMIT "+strconv.Itoa(limit),
			map[string]any{"site": site, "who": who})
		if err != nil {
			return nil, err
		}
		kept := Kept{Name: t.table}
		collect := &format{
			begin: func(columns []resultColumn) error { kept.Columns = names(columns); return nil },
			row:   func(values []any) error { kept.Rows = append(kept.Rows, cells(values, "")); return nil },
			end:   func() error { return nil },
		}
		err = collect.writeRows(rows)
		if closed := rows.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
		if len(kept.Rows) > 0 {
			kept.dropEmpty()
			all = append(all, kept)
		}
	}
	return all, nil
}

// dropEmpty leaves out the columns that are empty in every row.
func (k *Kept) dropEmpty() {
	var full []int
	for i := range k.Columns {
		for _, row := range k.Rows {
			if row[i] != "" {
				full = append(full, i)
				break
			}
		}
	}
	pick := func(all []string) []string {
		some := make([]string, len(full))
		for to, from := range full {
			some[to] = all[from]
		}
		return some
	}
	k.Columns = pick(k.Columns)
	for i, row := range k.Rows {
		k.Rows[i] = pick(row)
	}
}

// Records returns the ids of a visitor's consent records, newest first.
func (s *Store) Records(ctx context.Context, site string, visitor uint64) (ids [][16]byte, err error) {
	if visitor == 0 {
		return nil, nil
	}
	rows, err := s.query(ctx, "read a person's records", "SELECT id FROM consents WHERE site = {site:String} AND subject = {visitor:UInt64} AND notEmpty(id) ORDER BY time DESC",
		map[string]any{"site": site, "visitor": visitor})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Receipt returns the ledger's record with this id; a zero one where there is
// none (yet).
func (s *Store) Receipt(ctx context.Context, site string, record [16]byte) (event.Consent, error) {
	if record == [16]byte{} {
		return event.Consent{}, nil // a refusal's
	}
	rows, err := s.query(ctx, "read a receipt", "SELECT "+entryColumns+" FROM consents WHERE site = {site:String} AND id = toUUID({id:String}) ORDER BY time LIMIT 1",
		map[string]any{"site": site, "id": uuid.UUID(record).String()})
	if err != nil {
		return event.Consent{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		return event.Consent{}, rows.Err()
	}
	e, err := scanEntry(rows)
	if err != nil {
		return event.Consent{}, err
	}
	return *e.Consent, rows.Err()
}

// Wording returns the text with this hash that visitors of a site decided by;
// "" where it is not archived.
func (s *Store) Wording(ctx context.Context, site string, hash [32]byte) (string, error) {
	rows, err := s.query(ctx, "read a wording", "SELECT text FROM notice_texts WHERE site = {site:String} AND hash = unhex({hash:String}) LIMIT 1",
		map[string]any{"site": site, "hash": hex.EncodeToString(hash[:])})
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var text string
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			return "", err
		}
	}
	return text, rows.Err()
}

// Withdrawal says that a consent record never counts again.
type Withdrawal struct {
	Site   string
	Time   time.Time
	Record [16]byte
}

// lateHits is how long a record that was only followed by another still counts:
// hits under way carry it. It is shorter than overlap, so that a later question
// comes upon those that were left out.
const lateHits = time.Minute

// withdrawalPage bounds one answer of Withdrawn.
const withdrawalPage = 10_000

// withdrawn are the records that never count again: those that were taken back or
// followed by another one, and those of people who were erased, however that was
// asked for. Of a site that was wound down no node serves anybody.
const withdrawn = "SELECT site, at, record, taken, toString(record) AS text FROM (" +
	"SELECT site, time AS at, previous AS record, taken FROM consents WHERE taken >= fromUnixTimestamp64Milli({after:Int64}, 'UTC') AND notEmpty(previous) " +
	"AND (withdraws OR taken <= now64(3) - toIntervalMillisecond({late:Int64})) " +
	"UNION ALL SELECT site, taken, id, taken FROM consents WHERE taken >= fromUnixTimestamp64Milli({after:Int64}, 'UTC') AND erased AND notEmpty(id) " +
	"AND site NOT IN (SELECT site FROM wind_downs)) WHERE (taken, text) > (fromUnixTimestamp64Milli({after:Int64}, 'UTC'), {record:String}) ORDER BY taken, text LIMIT "

// Withdrawn returns what was withdrawn on any node since a cursor of its own,
// which records another one followed more than a minute ago, and those of people
// who were erased; "" is the beginning. Records come in the order in which
// ClickHouse took them, and some of the last 15 minutes again: an insert may become
// visible after a later one. more says that the page is full.
func (s *Store) Withdrawn(ctx context.Context, since string) (all []Withdrawal, cursor string, more bool, err error) {
	from, err := parseCursor(since)
	if err != nil {
		return nil, "", false, err
	}
	rows, err := s.query(ctx, "read withdrawals", withdrawn+strconv.Itoa(withdrawalPage),
		map[string]any{"after": from.taken, "record": from.record, "late": lateHits.Milliseconds()})
	if err != nil {
		return nil, "", false, err
	}
	defer rows.Close()
	last := from
	for rows.Next() {
		var w Withdrawal
		var record uuid.UUID
		var taken time.Time
		if err := rows.Scan(&w.Site, &w.Time, &record, &taken, &last.record); err != nil {
			return nil, "", false, err
		}
		w.Record, w.Time, last.taken = record, w.Time.UTC(), taken.UnixMilli()
		all = append(all, w)
	}
	last.newest = max(from.newest, last.taken)
	if more = len(all) == withdrawalPage; !more {
		last.taken, last.record = max(0, last.newest-overlap.Milliseconds()), ""
	}
	return all, last.String(), more, rows.Err()
}

// cursor is a place in the order of withdrawals: what follows (taken, record)
// comes next. newest is the latest that any page had.
type cursor struct {
	taken, newest int64 // ms
	record        string
}

func (c cursor) String() string {
	return strconv.FormatInt(c.taken, 10) + " " + strconv.FormatInt(c.newest, 10) + " " + c.record
}

func parseCursor(text string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	taken, rest, _ := strings.Cut(text, " ")
	newest, record, _ := strings.Cut(rest, " ")
	if c.taken, err = strconv.ParseInt(taken, 10, 64); err == nil {
		c.newest, err = strconv.ParseInt(newest, 10, 64)
	}
	c.record = record
	return c, wrap("read the cursor of withdrawals", err)
}
